"""Sums whose upper part does not wait for the lower one."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

__all__ = ["split_sum"]


def split_sum(m: Module, a: Value, b: Value, carry: Value, *, low_bits: int) -> Value:
    """Add two signed values of the same width and a bit.

    The upper part is there twice, with and without the carry into it, which then takes one of them: carry select.

    Parameters
    ----------
    m : Module
        Where the adders go.
    a, b : Value
        Signed.
    carry : Value
        One bit.
    low_bits : int
        Width of the lower part.

    Returns
    -------
    Value
        The sum, with one bit more; signed.
    """
    low, high = Signal(low_bits + 1), Signal(signed(len(a) + 1 - low_bits))
    first, second = a[low_bits:].as_signed(), b[low_bits:].as_signed()
    with_carry = Signal(signed(len(high) + 1))
    m.d.comb += [
        low.eq(a[:low_bits] + b[:low_bits] + carry),
        high.eq(first + second),
        # With a one and a one to the right of both.
        with_carry.eq(Cat(1, first).as_signed() + Cat(1, second).as_signed()),
    ]
    return Cat(low[:-1], Mux(low[-1], with_carry[1:], high)).as_signed()
