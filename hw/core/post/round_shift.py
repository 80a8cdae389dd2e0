"""Rounded right shift with saturation, the one way in which numbers lose bits."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RoundShift"]

_FINE_BITS = 3
_WIDE = 18
_NARROW = 16


class RoundShift(wiring.Component):
    """``saturate(round_shift(i, shift), 16 if narrow else 18)`` of :mod:`spec.arithmetic`.

    Latency: :attr:`LATENCY` cycles. Throughput: one value per cycle. All inputs belong to the same cycle.

    Parameters
    ----------
    width : int
        Bits of the input.
    shift_bits : int
        Bits of the shift; shifts beyond ``width`` are allowed.

    Members
    -------
    i : In(signed(width))
    shift : In(shift_bits)
    narrow : In(1)
        Saturate to 16 bits instead of 18.
    o : Out(signed(18))
    """

    LATENCY = 4

    i: Signal
    shift: Signal
    narrow: Signal
    o: Signal

    def __init__(self, width: int, shift_bits: int) -> None:
        super().__init__(
            {
                "i": In(signed(width)),
                "shift": In(unsigned(shift_bits)),
                "narrow": In(1),
                "o": Out(signed(_WIDE)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        width = len(self.i)

        # One more bit to the right keeps the last bit that is shifted out, by which the result is rounded.
        doubled = Cat(0, self.i).as_signed()
        coarse, fine = (Signal(signed(width + 1), name=name, reset_less=True) for name in ("coarse", "fine"))
        fine_shift = Signal(_FINE_BITS, reset_less=True)
        m.d.sync += [
            coarse.eq(_shift(doubled, self.shift[_FINE_BITS:], 1 << _FINE_BITS)),
            fine_shift.eq(self.shift[:_FINE_BITS]),
            fine.eq(_shift(coarse, fine_shift, 1)),
        ]

        rounded = Signal(signed(width), reset_less=True)  # a shift of 0 rounds by 0, so the sum cannot overflow
        m.d.sync += rounded.eq((fine >> 1) + fine[0])

        saturated = Signal(signed(_WIDE), reset_less=True)
        narrow = Signal(RoundShift.LATENCY - 1, reset_less=True)
        m.d.sync += [narrow.eq(Cat(self.narrow, narrow)), saturated.eq(_saturate(rounded, narrow[-1]))]
        m.d.comb += self.o.eq(saturated)
        return m


def _shift(value: Value, amount: Value, unit: int) -> Value:
    """``value >> (amount * unit)``, bit by bit of the amount: half the simulation time of a variable shift."""
    for k in range(len(amount)):
        value = Mux(amount[k], value >> (unit << k), value)
    return value


def _saturate(value: Signal, narrow: Value) -> Value:
    sign = value[-1]
    upper = Mux(sign, ~value[_NARROW - 1 :], value[_NARROW - 1 :])  # all zero if the value fits
    overflow = upper[_WIDE - _NARROW :].any() | (narrow & upper[: _WIDE - _NARROW].any())
    spare = Mux(narrow, sign, ~sign).replicate(_WIDE - _NARROW)
    limit = Cat((~sign).replicate(_NARROW - 1), spare, sign).as_signed()
    return Mux(overflow, limit, value[:_WIDE].as_signed())
