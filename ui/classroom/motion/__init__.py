"""The page Motion: films with separate content and motion, policies that act, and a game that a model simulates."""
