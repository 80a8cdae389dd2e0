"""The row unit's normalization of a variance."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.formats import RADICAND, SHIFT, STEPS_PER_CYCLE, VARIANCE

__all__ = ["Normalize"]


class Normalize(wiring.Component):
    """A shift to the left by pairs of bits until the top pair is not zero; the top ``RADICAND`` bits stay.

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    i : In(58)
    i_exponent : In(6)
    o : Out(48)
    o_exponent : Out(6)
        One less for every pair.
    """

    load: Signal
    i: Signal
    i_exponent: Signal
    o: Signal
    o_exponent: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(VARIANCE),
                "i_exponent": In(SHIFT),
                "o": Out(RADICAND),
                "o_exponent": Out(SHIFT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        value = Signal(VARIANCE, reset_less=True)
        with m.If(self.load):
            m.d.sync += [value.eq(self.i), self.o_exponent.eq(self.i_exponent)]
        with m.Else():
            shifts = Signal(range(STEPS_PER_CYCLE + 1))
            for pairs in range(1, STEPS_PER_CYCLE + 1):
                with m.If(~value[-2 * pairs :].any()):
                    m.d.comb += shifts.eq(pairs)
            m.d.sync += [value.eq(value << (2 * shifts)), self.o_exponent.eq(self.o_exponent - shifts)]
        m.d.comb += self.o.eq(value[-RADICAND.width :])
        return m
