"""Models and products on a device."""
