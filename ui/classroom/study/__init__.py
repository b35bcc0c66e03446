"""The page Study: whether generated images help a classifier."""
