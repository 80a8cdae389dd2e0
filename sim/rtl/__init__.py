"""The simulated hardware."""

from sim.rtl.activity import Activity
from sim.rtl.device import RtlDevice
from sim.rtl.trace import Trace

__all__ = ["Activity", "RtlDevice", "Trace"]
