"""A report's failing sequences once more."""
