"""Buses: the AXI4 masters and what joins them to the core's streams."""
