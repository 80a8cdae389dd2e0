"""The array: products of a word with the weights of every column, and their sums."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.memory.collisions import NO_COLLISIONS
from hw.micro.multiplier_pair import multiply_pair
from spec.config import AcceleratorConfig

__all__ = ["Products"]

_BYTE = 8
_SUM_BITS = 32
_LANES = 2  # products that share a multiplier block


class Products(wiring.Component):
    """A unit that multiplies operand words with the weights of all columns and adds to one row of accumulators a cycle.

    Latency: an operand that comes in the cycle after ``stream`` is in the accumulators 4 cycles after ``stream``.
    Throughput: one word a cycle.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows``, ``cols``, ``acc_depth`` and ``acc_banks``.

    Members
    -------
    operand : In(ArrayLayout(unsigned(8), rows))
        In the cycle after ``stream``.
    stream, fresh : In(1)
        An operand comes for the next row of accumulators; ``fresh`` sums begin at the word behind the last row, which
        must have been cleared.
    clear : In(1)
        Sums are zero, whatever operands, weights and memory are; constant while operands are under way.
    is_unsigned : In(1)
        Operands are u8 instead of s8; constant while weights or operands enter.
    weights : In(ArrayLayout(signed(8), rows)), load : In(1)
        For the next column, from the last one on.
    first : In(1), first_row : In(range(acc_depth * acc_banks))
        The next row, and the first column for weights and reads; not while operands are under way. The word behind the
        last row follows it.
    next_row, next_column : In(1)
        For reads.
    read : In(1)
        Read all columns of the row: ``sum`` is that of the column from the next cycle on.
    sum : Out(32)
    """

    operand: Any
    stream: Signal
    fresh: Signal
    clear: Signal
    is_unsigned: Signal
    weights: Any
    load: Signal
    first: Signal
    first_row: Signal
    next_row: Signal
    next_column: Signal
    read: Signal
    sum: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        word = data.ArrayLayout(unsigned(_BYTE), config.rows)
        rows = config.acc_depth * config.acc_banks
        self.sums = Memory(shape=_SUM_BITS * config.cols, depth=rows + 1, init=[], attrs=NO_COLLISIONS)
        super().__init__(
            {
                "operand": In(word),
                "stream": In(1),
                "fresh": In(1),
                "clear": In(1),
                "is_unsigned": In(1),
                "weights": In(word),
                "load": In(1),
                "first": In(1),
                "first_row": In(range(rows)),
                "next_row": In(1),
                "next_column": In(1),
                "read": In(1),
                "sum": Out(_SUM_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self._config
        rows = config.acc_depth * config.acc_banks
        m.submodules.sums = self.sums
        read_port, write_port = self.sums.read_port(), self.sums.write_port()

        column = Signal(range(config.cols))
        row, late_row = Signal(range(rows + 1)), Signal(range(rows + 1))
        operands, multiplied, added = Signal(), Signal(), Signal()
        fresh = Signal(2)
        m.d.sync += [
            operands.eq(self.stream),
            multiplied.eq(operands),
            added.eq(multiplied),
            fresh.eq(Cat(self.fresh, fresh[0])),
            late_row.eq(row),
        ]
        with m.If(multiplied | self.next_row):
            m.d.sync += row.eq(row + 1)
        with m.If(self.first):
            m.d.sync += row.eq(self.first_row)
        with m.If(self.next_column | self.load):
            m.d.sync += column.eq(column + 1)
        with m.If(self.first | self.next_row):
            m.d.sync += column.eq(0)

        # An unsigned byte is a signed one and 128, for which the weight is added 128 times.
        top = self.is_unsigned << (_BYTE - 1)
        signed_operand = [byte ^ top for byte in self.operand]
        extra = [Signal(signed(2 * _BYTE), name=f"extra_{r}") for r in range(config.rows)]
        m.d.comb += [
            number.eq(Mux(self.is_unsigned, weight.as_signed() << (_BYTE - 1), 0))
            for number, weight in zip(extra, self.weights, strict=True)
        ]
        sums = Signal(data.ArrayLayout(signed(_SUM_BITS), config.cols))
        m.d.comb += [
            read_port.en.eq(multiplied | self.read),
            read_port.addr.eq(Mux(multiplied & fresh[1], rows, row)),
            write_port.en.eq(added),
            write_port.addr.eq(late_row),
            write_port.data.eq(sums),
            self.sum.eq(read_port.data.word_select(column, _SUM_BITS)),
        ]
        for c in range(config.cols):
            load = self.load & (column == config.cols - 1 - c)
            total: Any = read_port.data.word_select(c, _SUM_BITS).as_signed()
            parts: list[Any] = []
            for first in range(0, config.rows, _LANES):
                lanes = range(first, first + _LANES)
                parts += multiply_pair(
                    m,
                    platform,
                    f"{first}_{c}",
                    [signed_operand[r].as_signed() for r in lanes],
                    [self.weights[r].as_signed() for r in lanes],
                    [extra[r] for r in lanes],
                    load=load,
                )
            m.d.comb += sums[c].eq(Mux(self.clear, 0, total + sum(parts[1:], parts[0])))
        return m
