"""The page of one run: samples, curves, advice, edits and forks."""
