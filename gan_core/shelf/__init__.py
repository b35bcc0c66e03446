"""Creates models: trains those of the table (plans.py), and imports generators trained elsewhere."""
