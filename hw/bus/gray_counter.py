"""A counter that another clock may look at."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["GrayCounter"]

_AHEAD = 2


class GrayCounter(wiring.Component):
    """A counter in Gray code, of which one bit changes at a time, that knows its next value.

    Outputs come out of registers, so that a synchronizer may take them.

    Parameters
    ----------
    bits : int
        Width; at least 2.

    Members
    -------
    step : In(1)
        Go on by one.
    present : Out(bits)
        Begins at 0.
    following : Out(bits)
        What comes after it.
    """

    step: Any
    present: Any
    following: Any

    def __init__(self, bits: int) -> None:
        super().__init__({"step": In(1), "present": Out(bits), "following": Out(bits, init=1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        number = Signal(len(self.present), init=_AHEAD)
        with m.If(self.step):
            m.d.sync += [
                self.present.eq(self.following),
                self.following.eq(number ^ (number >> 1)),
                number.eq(number + 1),
            ]
        return m
