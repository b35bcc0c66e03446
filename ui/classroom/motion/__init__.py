"""The page Motion: films with content and motion apart, policies in an environment, and a game that a model simulates."""
