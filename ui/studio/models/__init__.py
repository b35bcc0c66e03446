"""The models that the Studio works with: opened once, kept within bounds."""
