"""The row unit's square root."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.formats import RADICAND, ROOT, STEPS, STEPS_PER_CYCLE

__all__ = ["Root"]


class Root(wiring.Component):
    """Integer square root, two bits a cycle.

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    i : In(48)
    o : Out(24)
    """

    load: Signal
    i: Signal
    o: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(RADICAND),
                "o": Out(ROOT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        radicand, remainder = Signal(2 * STEPS, reset_less=True), Signal(ROOT.width + 1, reset_less=True)
        root = Signal(ROOT, reset_less=True)
        m.d.comb += self.o.eq(root)
        with m.If(self.load):
            m.d.sync += [radicand.eq(self.i), remainder.eq(0), root.eq(0)]
        with m.Else():
            # Both outcomes of a cycle's first step are followed side by side.
            high, low = radicand[-2:], radicand[-4:-2]
            widened = Cat(high, remainder)
            difference = widened - Cat(1, 0, root)
            outcomes = []
            for rest, longer in ((widened, Cat(0, root)), (difference, Cat(1, root))):
                wide = Cat(low, rest[: len(remainder)])
                left = wide - Cat(1, 0, longer)
                outcomes.append((Mux(left[-1], wide, left)[: len(remainder)], Cat(~left[-1], longer)))
            m.d.sync += [
                radicand.eq(radicand << (2 * STEPS_PER_CYCLE)),
                remainder.eq(Mux(difference[-1], outcomes[0][0], outcomes[1][0])),
                root.eq(Mux(difference[-1], outcomes[0][1], outcomes[1][1])),
            ]
        return m
