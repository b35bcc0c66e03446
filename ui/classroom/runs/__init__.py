"""The page Runs: cards, dialogs, and runs compared."""
