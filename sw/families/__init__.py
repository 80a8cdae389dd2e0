"""Float models as they are found on disk."""
