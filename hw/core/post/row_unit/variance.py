"""The row unit's variance of a row."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.formats import SQUARES, STEPS, STEPS_PER_CYCLE, SUM, VARIANCE, moments_layout

__all__ = ["Variance"]


class Variance(wiring.Component):
    """``max(factor * squares - sum * sum, 1)``, both products from the top bit down in one sum.

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    i : In(moments_layout)
    o : Out(58)
    """

    load: Signal
    i: Any
    o: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(moments_layout),
                "o": Out(VARIANCE),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        acc = Signal(signed(VARIANCE.width), reset_less=True)
        factor, sum_bits = Signal(STEPS, reset_less=True), Signal(STEPS, reset_less=True)
        squares = Signal(SQUARES, reset_less=True)
        difference = Signal(signed(SQUARES.width + 1), reset_less=True)
        negated = Signal(signed(SUM.width + 1), reset_less=True)
        with m.If(self.load):
            m.d.sync += [
                acc.eq(0),
                factor.eq(self.i.factor),
                sum_bits.eq(self.i.sum),
                squares.eq(self.i.squares),
                negated.eq(-self.i.sum),
                difference.eq(self.i.squares - self.i.sum),
            ]
        with m.Else():
            total: Any = acc
            for step in range(STEPS_PER_CYCLE):
                bit = STEPS - 1 - step
                plus, minus = factor[bit], sum_bits[bit]
                addend = Mux(plus, Mux(minus, difference, squares), Mux(minus, negated, 0))
                total = (total << 1) + addend
            m.d.sync += [
                acc.eq(total),
                factor.eq(factor << STEPS_PER_CYCLE),
                sum_bits.eq(sum_bits << STEPS_PER_CYCLE),
            ]
        m.d.comb += self.o.eq(Mux(acc > 0, acc, 1))
        return m
