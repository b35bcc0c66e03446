"""Evaluations of models, runs and folders, for `ganscope eval` and the page Evaluate."""
