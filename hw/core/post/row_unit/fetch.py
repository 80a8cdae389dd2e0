"""The row unit's first stage."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.formats import ADDR, EXPONENTIALS, LENGTH, SHIFT, moments_layout, row_layout
from hw.layouts import row_stats

__all__ = ["Fetch"]

# The total shift of a row is 38 - k - n + e. It starts with the greatest n and with k = -5; every bit by which the
# length is shifted adds one, every pair of bits by which the variance is shifted takes one, and e comes last. That of a
# reciprocal is 31 - k + e, as its variance is the square of the sum.
_MOMENTS_EXPONENT = 38 + 5 - LENGTH.width
_RECIPROCAL_EXPONENT = 31 + 5


class Fetch(wiring.Component):
    """A reader of rows' statistics, which also shifts their lengths up to full width.

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    i : In(row_layout)
    stats_addr : Out(12), stats_data : In(row_stats)
        Read port of the statistics, data one cycle after the address.
    o : Out(moments_layout)
    length : Out(18), exponent : Out(6)
        The row's length with its top bit set, and the total shift that this makes.
    """

    load: Signal
    i: Any
    stats_addr: Signal
    stats_data: Any
    o: Any
    length: Signal
    exponent: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(row_layout),
                "stats_addr": Out(ADDR),
                "stats_data": In(row_stats),
                "o": Out(moments_layout),
                "length": Out(LENGTH),
                "exponent": Out(SHIFT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        reciprocal, moments = Signal(), Signal(moments_layout, reset_less=True)
        one = 1 << (LENGTH.width - 1)
        with m.If(self.load):
            m.d.sync += [
                reciprocal.eq(self.i.reciprocal),
                self.stats_addr.eq(self.i.addr),
                moments.length.eq(Mux(self.i.reciprocal, 1, self.i.length)),
                self.length.eq(Mux(self.i.reciprocal, one, self.i.length)),
                self.exponent.eq(Mux(self.i.reciprocal, _RECIPROCAL_EXPONENT, _MOMENTS_EXPONENT)),
            ]
        with m.Elif(~self.length[-1]):
            m.d.sync += [self.length.eq(self.length << 1), self.exponent.eq(self.exponent + 1)]

        stats = Signal(row_stats, reset_less=True)
        m.d.sync += stats.eq(self.stats_data)
        total = stats.b[: EXPONENTIALS.width]
        m.d.comb += self.o.eq(moments)
        with m.If(reciprocal):
            m.d.sync += [moments.sum.eq(0), moments.factor.eq(total), moments.squares.eq(total)]
        with m.Else():
            m.d.sync += [moments.sum.eq(abs(stats.a)), moments.factor.eq(moments.length), moments.squares.eq(stats.b)]
        m.d.sync += moments.negative.eq(stats.a < 0)
        return m
