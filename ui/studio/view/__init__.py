"""What a visitor views, as values: views, edits, pictures, words."""
