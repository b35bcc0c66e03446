"""A run as it goes on: samples, curves, what to make of them, edits and forks."""
