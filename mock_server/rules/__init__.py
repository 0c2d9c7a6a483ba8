"""One module for each kind of rule: pure functions over frozen values."""
