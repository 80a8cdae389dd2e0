"""The simulated hardware."""

from sim.rtl.device import RtlDevice
from sim.rtl.trace import Trace

__all__ = ["RtlDevice", "Trace"]
