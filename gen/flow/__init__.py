"""Synthesis, placement and routing."""
