"""Models of memory chips, and the rules that they check."""
