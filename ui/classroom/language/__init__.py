"""The page Text: how a generator writes text, token by token."""
