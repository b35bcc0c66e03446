"""The page Evaluate: metrics of models and runs side by side, with intervals."""
