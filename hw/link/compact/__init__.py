"""The link in a few hundred cells: a byte machine runs it, at the pace of a serial line."""
