"""Serial division."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.formats import STEPS, STEPS_PER_CYCLE

__all__ = ["Divide"]


class Divide(wiring.Component):
    """Restoring division, two bits of quotient a cycle: all multiples of the divisor are compared at once.

    The quotient of ``dividend`` (``STEPS`` bits and as many as the divisor has) is right if it fits ``STEPS`` bits.

    Parameters
    ----------
    divisor_bits : int

    Members
    -------
    load : In(1)
        Take the inputs: a beat begins with the next cycle.
    dividend : In(30 + divisor_bits)
    divisor : In(divisor_bits)
    quotient : Out(30)
    """

    load: Signal
    dividend: Signal
    divisor: Signal
    quotient: Signal

    def __init__(self, divisor_bits: int) -> None:
        super().__init__(
            {
                "load": In(1),
                "dividend": In(STEPS + divisor_bits),
                "divisor": In(divisor_bits),
                "quotient": Out(STEPS),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        divisor, remainder = (
            Signal.like(self.divisor, name=name, reset_less=True) for name in ("divisor", "remainder")
        )
        quotient = Signal.like(self.quotient, reset_less=True)
        m.d.comb += self.quotient.eq(quotient)
        triple = Signal(len(divisor) + 2, reset_less=True)
        with m.If(self.load):
            m.d.sync += [
                Cat(quotient, remainder).eq(self.dividend),
                divisor.eq(self.divisor),
                triple.eq(self.divisor + (self.divisor << 1)),
            ]
        with m.Else():
            widened = Cat(quotient[-STEPS_PER_CYCLE:], remainder)
            rest, digit = widened, Const(0, STEPS_PER_CYCLE)
            for number, multiple in enumerate((divisor, divisor << 1, triple), start=1):
                difference = widened - multiple
                rest, digit = Mux(difference[-1], rest, difference), Mux(difference[-1], digit, number)
            m.d.sync += [remainder.eq(rest), quotient.eq(Cat(digit, quotient))]
        return m
