"""Judges, rule by rule, whether an implementation keeps the contract that a document states."""
