"""The commands of ``python -m sw``."""
