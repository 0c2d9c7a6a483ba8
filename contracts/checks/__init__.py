"""One module for each kind of rule; each builds the cases that could refute it."""
