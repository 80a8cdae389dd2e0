"""The check that one operand lies within its memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Extent", "RangeCheck"]

_DIGIT_BITS = 3  # of the number of rows, multiplied in one cycle


@dataclass(frozen=True, kw_only=True)
class Extent:
    """``rows`` rows, ``stride`` words apart, of ``length`` units; a word is ``unit`` units, the memory ``size`` words.

    Nothing divides: ``ceil(length / unit)`` words fit exactly when ``length`` units fit ``size * unit``.
    """

    first: ValueLike
    size: ValueLike
    used: ValueLike = 1
    rows: ValueLike = 1
    stride: ValueLike = 0
    length: ValueLike = 1
    unit: int = 1


class RangeCheck(wiring.Component):
    """A comparison of the end of an operand with the end of its memory. Sums and products are exact.

    Latency: ``done`` comes in the cycle after ``start``, and one cycle later for every 3 bits of ``rows - 1``.

    Parameters
    ----------
    operands : sequence of Extent
        All operands that are ever checked; they determine widths.

    Members
    -------
    start : In(1)
        Take the operand.
    operand : In(StructLayout)
        ``used``, ``first``, ``rows`` (less one), ``stride``, ``length``, ``unit`` and ``limit`` (``size * unit``).
    done : Out(1)
        ``beyond`` is valid from the next cycle on, until ``start``.
    beyond : Out(1)
        The operand is used, and its last word is not in the memory.
    """

    start: Signal
    operand: Any
    done: Signal
    beyond: Signal

    def __init__(self, operands: Sequence[Extent]) -> None:
        self._units = sorted({operand.unit for operand in operands})
        self._total_bits = max(_greatest_total(operand).bit_length() for operand in operands)
        self._end_bits = max(
            (_greatest_total(operand) * operand.unit + _greatest(operand.length)).bit_length() for operand in operands
        )
        widths = {
            name: max(_bits(getattr(operand, name)) for operand in operands)
            for name in ("first", "rows", "stride", "length")
        }
        limit_bits = max((_greatest(operand.size) * operand.unit).bit_length() for operand in operands)
        layout = data.StructLayout(
            {"used": 1, **widths, "unit": range(max(self._units) + 1), "limit": limit_bits},
        )
        super().__init__(
            {
                "start": In(1),
                "operand": In(layout),
                "done": Out(1),
                "beyond": Out(1),
            }
        )

    def assign(self, operand: Extent) -> list[Any]:
        """Return the statements that put ``operand`` into the port."""
        port = self.operand
        return [
            port.used.eq(operand.used),
            port.first.eq(operand.first),
            port.rows.eq(operand.rows - 1),
            port.stride.eq(operand.stride),
            port.length.eq(operand.length),
            port.unit.eq(operand.unit),
            port.limit.eq(_times(operand.size, operand.unit)),
        ]

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        operand = Signal.like(self.operand, reset_less=True)  # its rows are used up
        total, stride = Signal(self._total_bits, reset_less=True), Signal(self._total_bits, reset_less=True)
        end, scaled = Signal(self._end_bits, reset_less=True), Signal(self._end_bits)

        product: Any = total
        for bit in range(_DIGIT_BITS):
            product = product + Mux((operand.rows >> bit)[0], stride << bit, 0)
        with m.Switch(operand.unit):
            for unit in self._units:
                with m.Case(unit):
                    m.d.comb += scaled.eq(_times(total, unit))
        m.d.comb += [
            self.done.eq(operand.rows == 0),
            self.beyond.eq(operand.used & (end > operand.limit)),
        ]
        m.d.sync += [
            total.eq(product),
            stride.eq(stride << _DIGIT_BITS),
            operand.rows.eq(operand.rows >> _DIGIT_BITS),
            end.eq(scaled + operand.length),
        ]
        with m.If(self.start):
            m.d.sync += [operand.eq(self.operand), total.eq(self.operand.first), stride.eq(self.operand.stride)]
        return m


def _greatest(value: ValueLike) -> int:
    return value if isinstance(value, int) else (1 << len(Value.cast(value))) - 1


def _bits(value: ValueLike) -> int:
    return _greatest(value).bit_length()


def _greatest_total(operand: Extent) -> int:
    return _greatest(operand.first) + _greatest(operand.rows) * _greatest(operand.stride)


def _times(value: Any, factor: int) -> Any:
    """Multiply by a constant, without a multiplier block."""
    return sum((value << bit for bit in range(factor.bit_length()) if factor >> bit & 1), Const(0))
