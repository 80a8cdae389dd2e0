"""Detection of a bus that does not answer, or of a core in which nothing moves."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """A watchdog that counts the cycles that pass without progress while something is outstanding.

    Parameters
    ----------
    timeout_cycles : int
        Consecutive cycles without progress after which ``expired`` rises, in the cycle after the last of them.

    Members
    -------
    outstanding : In(1)
        There is something to wait for.
    progress : In(1)
        Something happens.
    expired : Out(1)
        Nothing has happened for so long; falls in the cycle after the next progress.
    """

    outstanding: Any
    progress: Any
    expired: Any

    def __init__(self, timeout_cycles: int) -> None:
        self.timeout_cycles = timeout_cycles
        super().__init__({"outstanding": In(1), "progress": In(1), "expired": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        idle_cycles = Signal(range(self.timeout_cycles + 1))
        m.d.comb += self.expired.eq(idle_cycles == self.timeout_cycles)
        with m.If(self.progress | ~self.outstanding):
            m.d.sync += idle_cycles.eq(0)
        with m.Elif(~self.expired):
            m.d.sync += idle_cycles.eq(idle_cycles + 1)
        return m
