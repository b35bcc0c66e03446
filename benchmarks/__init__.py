"""Measures of speed, memory and quality. Each script prints requirements next to what it measured in one run."""
