"""The page Text: how a generator writes, token by token."""
