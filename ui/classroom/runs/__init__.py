"""The page Runs: cards, dialogs and comparisons."""
