"""The multiplier of a processing element."""

from typing import Any

from amaranth.hdl import Module, Signal, signed

from hw.core.array.multiplier_lut import multiply_in_luts
from hw.core.dsp.block import multiply_in_dsp

__all__ = ["PRODUCT", "Multiplier"]

PRODUCT = signed(16)
"""A byte of either signedness times an s8 lies from -32640 to 32385."""


class Multiplier:
    """A choice of how a processing element multiplies a signed 9-bit operand by a signed 8-bit weight.

    All forms compute the same and differ in how many of the registers around a product they have inside.

    Parameters
    ----------
    platform : object or None
        What the design is elaborated for. Vendor primitives are used where its ``family`` is ``"ecp5"``, which is so
        for Amaranth's own platforms and for :class:`gen.flow.target.Target`; else the product is a plain ``*``.
    dsp : bool
        Spend a multiplier block where there are such.

    Attributes
    ----------
    latency : int
        Cycles from the operand and the weight to their product, at most ``LATENCY``. Throughput: one product a cycle.
    """

    LATENCY = 2
    """Cycles of the slowest forms."""

    def __init__(self, platform: Any, *, dsp: bool) -> None:
        if getattr(platform, "family", None) != "ecp5":
            self.latency, self._multiply = 1, _multiply
        elif dsp:
            self.latency, self._multiply = 2, multiply_in_dsp
        else:
            self.latency, self._multiply = 2, multiply_in_luts

    def multiply(self, m: Module, name: str, operand: Any, weight: Any) -> Any:
        """Return the product as a signal that is added to ``m``, where it and its parts are called after ``name``.

        Parameters
        ----------
        m : Module
            Where the multiplier goes.
        name : str
            Suffix of names that sets this multiplier apart from others in ``m``.
        operand : Value
            Signed, 9 bits.
        weight : Value
            Signed, 8 bits.
        """
        product = Signal(PRODUCT, name=f"product_{name}", reset_less=True)
        self._multiply(m, name, operand, weight, product)
        return product


def _multiply(m: Module, name: str, operand: Any, weight: Any, product: Any) -> None:  # noqa: ARG001
    m.d.sync += product.eq(operand * weight)
