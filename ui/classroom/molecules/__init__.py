"""The page Molecules: draws molecules, counts the valid ones, and explains why the discriminator rates one as fake."""
