"""The registers that compute."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.micro.microcode import SUM_BITS, VALUE_BITS, Action, Alu, Register, microinstruction
from hw.micro.product_step import product_step
from hw.micro.split_sum import split_sum

__all__ = ["FACTOR_DIGITS", "Arithmetic"]

FACTOR_DIGITS = 10
"""Digits of two bits in a signed factor of 18 bits: each is from -2 to 1, and the last one only takes a carry."""

_FACTOR_BITS = 18
_M_BITS = 24
_COUNT_BITS = 5
_LOW_BITS = 32  # of a sum
_LOOP_BITS = 8
_ROOTS = (Alu.COMPARE_ROOT, Alu.ROOT)
_NOTING = (Alu.COMPARE, Alu.COMPARE_ROOT)
_TO_LEFT = (Alu.LEFT, Alu.LEFT_NOTED)


class Arithmetic(wiring.Component):
    """One adder, the registers A, B and M around it, and the counters C, D and L.

    M stands to the right of A: what is shifted out of one goes into the other. A factor leaves M by pairs of bits, each
    a digit from -2 to 1, with a carry into the next, and makes room for the low bits of the product. It must be there a
    cycle before the product begins.

    Latency: registers have their new values in the next cycle. Throughput: one operation a cycle, but as many as the
    counters say for one that ``repeats``.

    Members
    -------
    now : In(microinstruction)
    bus : In(16)
    word : In(16)
        The same, where it is from a memory, the register file or the microinstruction; only that can be added.
    a : Out(signed(58))
    not_less : Out(1)
        The sign that was noted is not negative.
    overflow : Out(1)
        A has more than 18 bits.
    long : Out(1)
        More than 16.
    loops_on : Out(1)
        L is more than 1.
    counts : In(1)
        L becomes one less.
    repeats : Out(1)
        The same microinstruction must follow.
    """

    now: Any
    bus: Signal
    word: Signal
    a: Signal
    not_less: Signal
    overflow: Signal
    long: Signal
    loops_on: Signal
    counts: Signal
    repeats: Signal

    def __init__(self) -> None:
        super().__init__(
            {
                "now": In(microinstruction),
                "bus": In(VALUE_BITS),
                "word": In(VALUE_BITS),
                "a": Out(signed(SUM_BITS)),
                "not_less": Out(1),
                "overflow": Out(1),
                "long": Out(1),
                "loops_on": Out(1),
                "counts": In(1),
                "repeats": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        alu, bus, a = self.now.alu, self.bus, Signal(signed(SUM_BITS), reset_less=True)
        b = Signal(signed(SUM_BITS), reset_less=True)
        factor = Signal(_M_BITS, reset_less=True)
        rights, lefts = Signal(_COUNT_BITS, reset_less=True), Signal(_COUNT_BITS, reset_less=True)
        loops = Signal(_LOOP_BITS, reset_less=True)
        digits = Signal(range(FACTOR_DIGITS + 1), reset_less=True)
        less, noted = Signal(reset_less=True), Signal()
        m.d.comb += [
            self.a.eq(a),
            noted.eq(~less),
            self.not_less.eq(noted),
            self.overflow.eq(_exceeds(a, _FACTOR_BITS)),
            self.long.eq(_exceeds(a, VALUE_BITS)),
            self.loops_on.eq(loops > 1),
        ]

        # What a shift or a product does next.
        digit, right, left, rounds = Signal(), Signal(), Signal(), Signal()
        goes_right = (alu[1] & digits.any()) | rights.any()
        m.d.comb += [
            digit.eq(alu[4] & alu[1] & digits.any()),
            right.eq(alu[4] & goes_right),
            left.eq(alu[4] & ~goes_right & lefts.any()),
            rounds.eq(alu[4] & alu[:2].any() & ~goes_right & ~lefts.any()),
            self.repeats.eq(alu[4] & (goes_right | lefts.any())),
        ]
        with m.If(self.counts):
            m.d.sync += loops.eq(loops - 1)
        with m.If(digit):
            m.d.sync += digits.eq(digits - 2)
        with m.Elif(right):
            m.d.sync += rights.eq(rights - 1)
        with m.If(left):
            m.d.sync += lefts.eq(lefts - 1)

        low_product, product = product_step(m, a, b, factor, goes_on=digit)

        # What is added to A in all else: B, its complement, or that of 2 B.
        adds, subtracts, subtracts_twice, adds_one = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            adds.eq((alu == Alu.ADD) | ((alu == Alu.BIT) & factor[0])),
            subtracts.eq(_is(alu, Alu.SUBTRACT, Alu.COMPARE) | ((alu == Alu.SUBTRACT_NOTED) & noted)),
            subtracts_twice.eq(_is(alu, *_ROOTS)),
            adds_one.eq(subtracts | (rounds & factor[-1])),
        ]
        chosen = Cat(adds | subtracts_twice, subtracts | subtracts_twice)
        operand, total = Signal(SUM_BITS), Signal(signed(SUM_BITS + 1))
        with m.Switch(chosen):
            with m.Case(0b01):
                m.d.comb += operand.eq(b)
            with m.Case(0b10):
                m.d.comb += operand.eq(~b)
            with m.Case(0b11):
                m.d.comb += operand.eq(~Cat(0, b[:-1]))
        # Or the bus, from sources that are near.
        adds_low, adds_high, sign = Signal(), Signal(), Signal()
        m.d.comb += [
            adds_low.eq(_is(alu, Alu.ADD_WORD, Alu.ADD_SIGNED)),
            adds_high.eq(alu == Alu.ADD_HIGH),
            sign.eq(self.word[-1] & ((alu == Alu.ADD_SIGNED) | adds_high)),
        ]
        word = Cat(
            Mux(adds_low, self.word, 0),
            Mux(adds_high, self.word, sign.replicate(VALUE_BITS)),
            sign.replicate(SUM_BITS - 2 * VALUE_BITS),
        )
        # The bus comes late: all that is shifted is shifted before it is added to zero.
        shifted, to_left = Signal(signed(SUM_BITS)), Signal()
        m.d.comb += [
            to_left.eq(left | _is(alu, *_TO_LEFT)),
            shifted.eq(Mux(digit, product, Mux(right, a >> 2, Mux(to_left, Cat(factor[-1], a), a)))),
            total.eq(split_sum(m, shifted, (operand | word).as_signed(), adds_one, low_bits=_LOW_BITS)),
        ]
        with m.If(_is(alu, *_NOTING)):
            m.d.sync += less.eq(total[-1])

        # A and M.
        to_a = Signal()
        with m.Switch(alu):
            with m.Case(Alu.HOLD, Alu.COMPARE, Alu.COMPARE_ROOT):
                m.d.comb += to_a.eq(0)
            with m.Case(Alu.ROOT):
                m.d.comb += to_a.eq(noted)
            with m.Case(Alu.SHIFT):
                m.d.comb += to_a.eq(right | left)
            with m.Default():
                m.d.comb += to_a.eq(1)
        with m.If(to_a):
            m.d.sync += a.eq(total)
        with m.If(_is(alu, Alu.CLEAR, Alu.CLEAR_BOTH, Alu.FACTOR)):
            m.d.sync += a.eq(0)
        with m.If(digit):
            m.d.sync += factor.eq(Cat(factor[4:], low_product))
        with m.Elif(right):
            m.d.sync += factor.eq(Cat(factor[2:], a[:2]))
        with m.Elif(to_left):
            m.d.sync += factor.eq(Cat((alu == Alu.LEFT_NOTED) & noted, factor))
        with m.Elif(alu == Alu.BIT):
            m.d.sync += factor.eq(factor[1:])
        with m.If(alu == Alu.CLEAR_BOTH):
            m.d.sync += factor.eq(0)
        with m.If(alu == Alu.FACTOR):
            sign = a[-1]
            magnitude = Mux(self.overflow, (~sign).replicate(_FACTOR_BITS - 1), a[: _FACTOR_BITS - 1])
            m.d.sync += factor.eq(Cat(magnitude, sign.replicate(2 * FACTOR_DIGITS + 1 - _FACTOR_BITS)))

        # From the bus.
        high = SUM_BITS - 2 * VALUE_BITS
        with m.If((self.now.action == Action.B_LEFT) | _is(alu, Alu.BIT, Alu.ROOT)):
            m.d.sync += b.eq(Cat(0, b[0] | ((alu == Alu.ROOT) & noted), b[1:-1]))
        with m.Switch(self.now.destination):
            with m.Case(Register.B_LOW):
                m.d.sync += b.eq(bus.as_signed())
            with m.Case(Register.B_HIGH):
                m.d.sync += b[VALUE_BITS:].eq(bus.as_signed())
            with m.Case(Register.B_TOP):
                m.d.sync += b[2 * VALUE_BITS :].eq(Cat(bus, bus[-1].replicate(high - VALUE_BITS)))
            with m.Case(Register.M_LOW):
                m.d.sync += factor.eq(Cat(bus, bus[-1].replicate(2 * FACTOR_DIGITS - VALUE_BITS)))
            with m.Case(Register.M_HIGH):
                m.d.sync += factor[VALUE_BITS : 2 * FACTOR_DIGITS].eq(bus)
            with m.Case(Register.M_TOP):
                m.d.sync += factor[VALUE_BITS:].eq(bus)
            with m.Case(Register.SHIFT):
                m.d.sync += [Cat(rights, lefts).eq(bus), digits.eq(FACTOR_DIGITS)]
            with m.Case(Register.L):
                m.d.sync += loops.eq(bus)
        return m


def _exceeds(value: Value, bits: int) -> Value:
    """Whether a signed value has more bits."""
    upper = value[bits - 1 :]
    return upper.any() & ~upper.all()


def _is(value: Value, *members: Any) -> Value:
    """Whether the value is one of these."""
    return Cat(value == member for member in members).any()
