"""Two digits of a product."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

from hw.micro.microcode import SUM_BITS

__all__ = ["product_step"]


def product_step(m: Module, a: Signal, b: Signal, factor: Signal, *, goes_on: Value) -> tuple[Value, Value]:
    """Add a number times the two lowest digits of a factor, with adders of its own.

    A digit has two bits and is from -2 to 1, with a carry into the next. Digits are known a cycle before they are used:
    they are those at the end of the factor or, while the product goes on, the ones behind them.

    Parameters
    ----------
    m : Module
        Where the adders go.
    a, b : Signal
        Sum so far, and number.
    factor : Signal
        Must be there a cycle before the product begins, and lose four bits in each cycle in which it goes on.
    goes_on : Value
        The product is being made.

    Returns
    -------
    tuple of Value
        The four lowest bits of the new sum; the sum without them.
    """
    value, next_value = Signal(2, reset_less=True), Signal(2, reset_less=True)
    carried, carry = Signal(reset_less=True), Signal()
    # Sums of so few bits must not become chains of carries, which the adders would have to wait for.
    coming, carry_in = Mux(goes_on, factor[4:8], factor[:4]), goes_on & carried
    m.d.comb += carry.eq(coming[1] | (coming[0] & carry_in))
    m.d.sync += [
        value.eq(Cat(coming[0] ^ carry_in, coming[1] ^ (coming[0] & carry_in))),
        next_value.eq(Cat(coming[2] ^ carry, coming[3] ^ (coming[2] & carry))),
        carried.eq(coming[3] | (coming[2] & carry)),
    ]
    product, next_product = Signal(signed(SUM_BITS)), Signal(signed(SUM_BITS))
    m.d.comb += [
        product.eq(_add_digit(m, a, b, value)),
        next_product.eq(_add_digit(m, product >> 2, b, next_value)),
    ]
    return Cat(product[:2], next_product[:2]), next_product >> 2


def _add_digit(m: Module, a: Value, b: Signal, value: Value) -> Value:
    """A plus B times a digit, which is its value in two bits or, from 2 on, 4 less."""
    operand = Signal(signed(SUM_BITS))
    with m.Switch(value):
        with m.Case(1):
            m.d.comb += operand.eq(b)
        with m.Case(2):
            m.d.comb += operand.eq(~Cat(0, b[:-1]).as_signed())
        with m.Case(3):
            m.d.comb += operand.eq(~b)
    return a + operand + value[1]
