"""When to refresh."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MAX_OWED", "RefreshTimer"]

MAX_OWED = 8
"""Refreshes by which a chip may fall behind."""


class RefreshTimer(wiring.Component):
    """A count of the refreshes owed: one more every interval, one less with each that is issued.

    Parameters
    ----------
    interval : int
        Cycles in which one refresh becomes due.

    Members
    -------
    en : In(1)
        Time passes; while it is low nothing is owed.
    taken : In(1)
        Pulse: a refresh is issued.
    owed : Out(range(9))
        Refreshes owed; stays at 8.
    overdue : Out(1)
        Pulse: one more becomes due although 8 are owed.
    """

    en: Any
    taken: Any
    owed: Any
    overdue: Any

    def __init__(self, interval: int) -> None:
        self._interval = interval
        super().__init__({"en": In(1), "taken": In(1), "owed": Out(range(MAX_OWED + 1)), "overdue": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        count = Signal(range(self._interval), init=self._interval - 1)
        due, full = Signal(), Signal()
        m.d.comb += [due.eq(count == 0), full.eq(self.owed == MAX_OWED), self.overdue.eq(due & full & ~self.taken)]
        m.d.sync += count.eq(count - 1)
        with m.If(due):
            m.d.sync += count.eq(self._interval - 1)
        with m.If(due & ~self.taken & ~full):
            m.d.sync += self.owed.eq(self.owed + 1)
        with m.If(self.taken & ~due & (self.owed != 0)):
            m.d.sync += self.owed.eq(self.owed - 1)
        with m.If(~self.en):
            m.d.sync += [count.eq(self._interval - 1), self.owed.eq(0)]
        return m
