"""Measures of speed, memory and quality. Each script prints what was asked beside what it measured in one run."""
