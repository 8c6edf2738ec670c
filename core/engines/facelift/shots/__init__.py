"""Several photos of one person: real views beside the generated ones."""
