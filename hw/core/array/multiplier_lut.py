"""A multiplier in the logic cells of an ECP5."""

from typing import Any

from amaranth.hdl import Cat, Const, Instance, Module, Signal, signed

__all__ = ["multiply_in_luts"]

# Truth tables of a CCU2C's cell over (D, C, B, A). Where the sum of the two terms without carry is 0 they are equal,
# and the carry is what the table has at C = D = 0, that is, the first term.
_ADD = sum((((i & 3) == 3) ^ (i >> 2 == 3)) << i for i in range(16))  # (A & B) + (C & D)
_SUBTRACT = sum((((i & 3) != 3) ^ (i >> 2 == 3)) << i for i in range(16))  # (C & D) - (A & B)


def multiply_in_luts(m: Module, name: str, operand: Any, weight: Any, product: Any) -> None:
    """Add up the rows of a 9x8-bit product: two rows in one carry chain, whose cells also form the rows.

    A pair of the weight's bits makes a digit 0 to 3, the highest pair -2 to 1. Each cell of its chain of CCU2C takes
    two operand bits and the two weight bits. Products of digits are added in a tree.

    Latency: 2 cycles. Throughput: one product a cycle.

    Parameters
    ----------
    m : Module
        Where the logic goes.
    name : str
        Suffix of names.
    operand : Value
        Signed, 9 bits.
    weight : Value
        Signed, 8 bits.
    product : Signal
        Signed, 16 bits; takes the low bits of the product.
    """
    digits = [_times_digit(m, f"{name}_{i}", operand, weight[i : i + 2], top=i == 6) for i in range(0, 8, 2)]
    halves = []
    for i, (low, high) in enumerate(zip(digits[::2], digits[1::2], strict=True)):
        half = Signal(signed(13), name=f"half_{name}_{i}", reset_less=True)
        upper = Signal(signed(11), name=f"upper_{name}_{i}")
        m.d.comb += upper.eq(low[2:].as_signed() + high)
        m.d.sync += half.eq(Cat(low[:2], upper))
        halves.append(half)
    low, high = halves
    m.d.sync += product.eq(Cat(low[:4], (low[4:].as_signed() + high)[:12]))


def _times_digit(m: Module, name: str, operand: Any, digit: Any, *, top: bool) -> Any:
    """Return the operand times two bits of the weight, 11 bits."""
    result = Signal(signed(11), name=f"digit_{name}")
    m.d.comb += result[0].eq(operand[0] & digit[0])
    extended = Cat(operand, operand[-1].replicate(2))
    carry: Any = Const(1 if top else 0, 1)
    for i in range(1, 11, 2):
        cells: dict[str, Any] = {"i_CIN": carry}
        for cell in range(2):
            cells |= {
                f"p_INIT{cell}": Const(_SUBTRACT if top else _ADD, 16),
                f"p_INJECT1_{cell}": "NO",
                f"i_A{cell}": extended[i + cell - 1],
                f"i_B{cell}": digit[1],
                f"i_C{cell}": extended[i + cell],
                f"i_D{cell}": digit[0],
                f"o_S{cell}": result[i + cell],
            }
        carry = Signal(name=f"carry_{name}_{i}")
        m.submodules[f"cells_{name}_{i}"] = Instance("CCU2C", o_COUT=carry, **cells)
    return result
