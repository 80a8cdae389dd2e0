"""What the accelerator promises of its bursts on the memory bus, AXI4."""

__all__ = ["BOUNDARY_BYTES", "BURST_BEATS"]

BURST_BEATS = 16
"""Most beats of a burst."""

BOUNDARY_BYTES = 4096
"""No burst crosses a multiple of this."""
