"""The page Molecules: draws molecules, says how many are valid, and why the discriminator finds one fake."""
