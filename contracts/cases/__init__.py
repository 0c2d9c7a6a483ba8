"""What the cases of every check work with: they make, change and read records, and note what came of it."""
