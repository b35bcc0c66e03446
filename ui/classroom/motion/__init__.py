"""The page Motion: films with content and motion apart, policies that act, and a game that a model simulates."""
