"""Makes models of the shelf: trains those of the table, and takes in generators of others."""
