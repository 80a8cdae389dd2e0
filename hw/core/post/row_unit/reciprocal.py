"""The row unit's last stage."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.divide import Divide
from hw.core.post.row_unit.formats import LENGTH, MUL, ROOT, SHIFT
from hw.core.post.row_unit.round_half import round_half

__all__ = ["Reciprocal"]

_QUOTIENT_BITS = 18  # of the reciprocal, one more than the multiplier


class Reciprocal(wiring.Component):
    """``reciprocal(length, root)`` of :mod:`spec.arithmetic`, and the total shift.

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    i : In(24)
        The root.
    i_length : In(18), i_exponent : In(6)
    mul : Out(17), total : Out(6)
    """

    load: Signal
    i: Signal
    i_length: Signal
    i_exponent: Signal
    mul: Signal
    total: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(ROOT),
                "i_length": In(LENGTH),
                "i_exponent": In(SHIFT),
                "mul": Out(MUL),
                "total": Out(SHIFT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.divide = divide = Divide(ROOT.width)
        num = self.i_length << (ROOT.width - LENGTH.width)
        less = Signal()
        m.d.comb += [
            less.eq(num < self.i),
            divide.load.eq(self.load),
            divide.dividend.eq(Mux(less, num << _QUOTIENT_BITS, num << (_QUOTIENT_BITS - 1))),
            divide.divisor.eq(self.i),
        ]
        with m.If(self.load):
            m.d.sync += self.total.eq(self.i_exponent + less)
        rounded = round_half(divide.quotient, _QUOTIENT_BITS)
        m.d.comb += self.mul.eq(Mux(rounded[-1], (1 << MUL.width) - 1, rounded))
        return m
