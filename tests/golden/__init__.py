"""Hashes of what the project computes and emits, committed before a change that must alter none of it."""
