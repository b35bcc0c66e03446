"""What a visitor looks at, as values: views, edits, pictures, words."""
