"""Row statistics of the results that pass by."""

from math import ceil, log2
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.dsp.product import PRODUCT_LATENCY, multiply
from hw.core.post.layouts import MemoryRead, chunk_layout
from hw.layouts import row_stats
from spec.config import AcceleratorConfig

__all__ = ["Statistics"]

_VALUE = signed(16)
_LEAST = -(1 << 15)


class Statistics(wiring.Component):
    """A record of maximum, sum and sum of squares (or of the values themselves) of each row.

    A tree joins the lanes, a register the chunks of one row in a tile; then the row's entry in the memory is read,
    joined and written once. Sums wrap at the widths of ``row_stats``.

    Latency: ``o`` comes ``latency`` cycles after ``i``, when the row's entry is written. Throughput: one chunk per
    cycle. A row that was written may come again :attr:`SPACING` cycles later, not earlier.

    Parameters
    ----------
    config : AcceleratorConfig

    Attributes
    ----------
    latency : int

    Members
    -------
    i : In(chunk_layout(config)), values : In(ArrayLayout(signed(16), lanes))
        Results; zero in lanes that are not in the chunk's mask.
    read : Out(MemoryRead(acc_depth, row_stats))
    write_a, write_b : Out(1), write_addr : Out(range(acc_depth)), write_data : Out(row_stats)
    o : Out(chunk_layout(config))
        The chunk whose statistics are being written.
    """

    SPACING = 4

    i: Any
    values: Any
    read: Any
    write_a: Signal
    write_b: Signal
    write_addr: Signal
    write_data: Any
    o: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self._lanes = config.lanes
        self._joined = PRODUCT_LATENCY + ceil(log2(config.lanes))  # stage of the tree's root
        self.latency = self._joined + 2
        super().__init__(
            {
                "i": In(chunk_layout(config)),
                "values": In(data.ArrayLayout(_VALUE, config.lanes)),
                "read": Out(MemoryRead(config.acc_depth, row_stats)),
                "write_a": Out(1),
                "write_b": Out(1),
                "write_addr": Out(range(config.acc_depth)),
                "write_data": Out(row_stats),
                "o": Out(chunk_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        stage: list[Any] = [self.i]
        for k in range(self.latency):
            stage.append(Signal(self.i.shape(), name=f"stage_{k + 1}", reset_less=True))
            m.d.sync += stage[k + 1].eq(stage[k])

        a, b = self._tree(m, platform, stage)
        running, merged = Signal(row_stats, reset_less=True), Signal(row_stats, reset_less=True)
        joined, row, written = (stage[self._joined + k] for k in range(3))

        # The chunks of one row.
        with m.If(joined.row_first):
            m.d.sync += [running.a.eq(a), running.b.eq(b)]
        with m.Else():
            m.d.sync += [
                running.a.eq(_join(joined.recipe.maximum, running.a, a)),
                running.b.eq(running.b + b),
            ]

        # What the row's earlier tiles left in the memory.
        fetch, before = stage[self._joined - 1], self.read.data
        reads = fetch.recipe.write_a | fetch.recipe.write_b
        m.d.comb += [self.read.en.eq(fetch.valid & reads & ~fetch.fresh), self.read.addr.eq(fetch.stats_addr)]
        m.d.sync += merged.eq(running)
        with m.If(~row.fresh):
            m.d.sync += [
                merged.a.eq(_join(row.recipe.maximum, before.a, running.a)),
                merged.b.eq(before.b + running.b),
            ]
        write = written.valid & written.row_last
        m.d.comb += [
            self.write_a.eq(write & written.recipe.write_a),
            self.write_b.eq(write & written.recipe.write_b),
            self.write_addr.eq(written.stats_addr),
            self.write_data.eq(merged),
            self.o.eq(stage[self.latency]),
        ]
        return m

    def _tree(self, m: Module, platform: Any, stage: list[Any]) -> tuple[Any, Any]:
        """Square and join the lanes, pair by pair, with a register in each level."""
        recipe, mask = self.i.recipe, self.i.mask
        a, b = [], []
        for lane in range(self._lanes):
            value = self.values[lane]
            a.append(_register(m, _register(m, Mux(recipe.maximum & ~mask[lane], _LEAST, value))))
            b.append(multiply(m, platform, f"square_{lane}", value, Mux(recipe.squares, value, Const(1, _VALUE))))
        for level in range(PRODUCT_LATENCY, self._joined):
            a = _pairs(m, a, stage[level].recipe.maximum)
            b = _pairs(m, b, 0)
        return a[0], b[0]


def _join(maximum: Any, x: Any, y: Any) -> Any:
    return Mux(maximum, Mux(x > y, x, y), x + y)


def _pairs(m: Module, values: list[Any], maximum: Any) -> list[Any]:
    joined = [_join(maximum, x, y) for x, y in zip(values[::2], values[1::2], strict=False)]
    return [_register(m, value) for value in joined + values[2 * len(joined) :]]


def _register(m: Module, value: Any) -> Signal:
    register = Signal(value.shape(), name="joined", reset_less=True)
    m.d.sync += register.eq(value)
    return register
