"""Evaluations of models, runs and folders, as `ganscope eval` and the page Evaluate make and keep them."""
