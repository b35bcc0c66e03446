"""The page Music: passages to generate, hear and continue."""
