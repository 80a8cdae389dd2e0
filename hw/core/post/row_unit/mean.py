"""The row unit's mean of a row."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.divide import Divide
from hw.core.post.row_unit.formats import LENGTH, MEAN, moments_layout
from hw.core.post.row_unit.round_half import round_half

__all__ = ["Mean"]

_MEAN_FRACTION = 8


class Mean(wiring.Component):
    """``sum / length`` with 8 fraction bits, rounded, saturated: magnitude and sign.

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    i : In(moments_layout)
    magnitude : Out(25), negative : Out(1)
    """

    load: Signal
    i: Any
    magnitude: Signal
    negative: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(moments_layout),
                "magnitude": Out(MEAN.width - 1),
                "negative": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.divide = divide = Divide(LENGTH.width)
        large = Signal()
        greatest = (1 << (MEAN.width - 1)) - 1
        # The quotient needs one more fraction bit, to round, and saturates when it has more bits than the mean.
        dividend = self.i.sum << (_MEAN_FRACTION + 1)
        m.d.comb += [
            divide.load.eq(self.load),
            divide.dividend.eq(dividend),
            divide.divisor.eq(self.i.length),
        ]
        with m.If(self.load):
            m.d.sync += [self.negative.eq(self.i.negative), large.eq((dividend >> MEAN.width) >= self.i.length)]
        magnitude = round_half(divide.quotient, MEAN.width)
        m.d.comb += self.magnitude.eq(Mux(large | magnitude[-1], greatest, magnitude))
        return m
