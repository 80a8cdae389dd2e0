"""A product with registers of its own."""

from typing import Any

from amaranth.hdl import Module, Signal, Value, signed

from hw.core.dsp.block import multiply_in_dsp

__all__ = ["PRODUCT_LATENCY", "multiply"]

PRODUCT_LATENCY = 2
"""Cycles from the factors to their product: a register in front of the multiplier and one behind it."""


def multiply(m: Module, platform: Any, name: str, a: Value, b: Value) -> Signal:
    """Multiply two signed values of up to 18 bits.

    Latency: :data:`PRODUCT_LATENCY` cycles. Throughput: one product a cycle.

    Parameters
    ----------
    m : Module
        Where the multiplier goes.
    platform : object or None
        What the design is elaborated for. Where its ``family`` is ``"ecp5"``, the registers are those of a block.
    name : str
        Suffix of the names of all parts.
    a, b : Value
        The factors.

    Returns
    -------
    Signal
        The product, as wide as both factors together.
    """
    product = Signal(signed(len(a) + len(b)), name=f"product_{name}", reset_less=True)
    if getattr(platform, "family", None) == "ecp5":
        multiply_in_dsp(m, name, a, b, product)
    else:
        late_a, late_b = (
            Signal(signed(len(value)), name=f"{side}_{name}", reset_less=True) for side, value in (("a", a), ("b", b))
        )
        m.d.sync += [late_a.eq(a), late_b.eq(b), product.eq(late_a * late_b)]
    return product
