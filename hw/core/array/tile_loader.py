"""Reads of tiles of B from the scratchpad."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.array.countdown import Countdown
from hw.core.array.layouts import word_layout
from hw.layouts import INSTRUCTION, BankedRead, instruction_layout
from spec.config import AcceleratorConfig
from spec.isa import Gemm

__all__ = ["TileLoader"]


class TileLoader(wiring.Component):
    """A walk over the tiles of a GEMM's B in order of use, the highest column of each first, while there is room.

    Columns at or beyond ``n`` become zero words and are not read. A GEMM whose B comes from the weight stream passes
    without effect.

    Holds the present GEMM and the next.

    Latency: 2 cycles and the scratchpad's. Throughput: one word a cycle, also from tile to tile and from GEMM to GEMM.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows`` and ``cols``.
    room : int
        Words that may be requested before the first is used.

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        GEMMs.
    read : Out(BankedRead)
        Requests.
    o : Out(stream.Signature(ArrayLayout(unsigned(8), rows)))
        Words; must always be ready for ``room`` words.
    used : In(1)
        A word has made room again.
    """

    def __init__(self, config: AcceleratorConfig, *, room: int) -> None:
        self._cols, self._room, self._word = config.cols, room, word_layout(config)
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION)),
                "read": Out(BankedRead(config)),
                "o": Out(stream.Signature(self._word)),
                "used": In(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        new = data.View(instruction_layout(Gemm), self.i.payload)
        addr_shape = new.b_addr.shape()

        # The next GEMM waits with the address of its first word worked out.
        layout = data.StructLayout(
            {"first": addr_shape, "stride": new.b_stride.shape(), "n": new.n.shape(), "k_tiles": new.k_tiles.shape()}
        )
        active, load = Signal(), Signal()
        waiting, waiting_valid = Signal(layout, reset_less=True), Signal()
        gemm = Signal(layout, reset_less=True)
        columns = Countdown(new.n.shape(), step=self._cols, name="columns")
        words = Countdown(new.k_tiles.shape(), name="words")
        column = Countdown(range(self._cols + 1), name="column")  # of this tile, this one and those below it
        tile_addr = Signal(addr_shape, reset_less=True)  # highest column of this column tile, k = 0
        k_addr = Signal(addr_shape, reset_less=True)  # highest column of this tile

        # A word is "taken" when it is requested, or known to be zero.
        room = Signal(range(self._room + 1), init=self._room)
        has_room = Signal(init=1)
        zero, wanted, taken = Signal(), Signal(), Signal()
        m.d.comb += [
            wanted.eq(active & has_room),
            self.read.en.eq(wanted & ~zero),
            taken.eq(wanted & (zero | self.read.ready)),
        ]
        m.d.sync += [room.eq(room - taken + self.used), has_room.eq(self.used | (room > 1) | ((room == 1) & ~taken))]

        next_k, next_tile = Signal(addr_shape), Signal(addr_shape)
        m.d.comb += [
            next_k.eq(k_addr + 1),
            next_tile.eq(tile_addr + _times(gemm.stride, self._cols)),
            self.i.ready.eq(~waiting_valid),
            load.eq(waiting_valid & (~active | (taken & column.last & words.last & columns.last))),
        ]
        with m.If(taken):
            with m.If(~column.last):
                m.d.sync += [*column.advance(), zero.eq(columns.last & (column.left > columns.left + 1))]
                m.d.sync += self.read.addr.eq(self.read.addr - gemm.stride)
            with m.Elif(~words.last):
                m.d.sync += [*column.load(self._cols), *words.advance(), zero.eq(columns.left < self._cols)]
                m.d.sync += [k_addr.eq(next_k), self.read.addr.eq(next_k)]
            with m.Else():
                m.d.sync += [*column.load(self._cols), *words.load(gemm.k_tiles)]
                m.d.sync += zero.eq(columns.left < 2 * self._cols)
                m.d.sync += [tile_addr.eq(next_tile), k_addr.eq(next_tile), self.read.addr.eq(next_tile)]
                m.d.sync += [*columns.advance(), active.eq(~columns.last)]

        first = waiting.first
        with m.If(load):
            m.d.sync += [active.eq(1), waiting_valid.eq(0), gemm.eq(waiting)]
            m.d.sync += [*columns.load(waiting.n), *words.load(waiting.k_tiles)]
            m.d.sync += [*column.load(self._cols), zero.eq(waiting.n < self._cols)]
            m.d.sync += [tile_addr.eq(first), k_addr.eq(first), self.read.addr.eq(first)]
        with m.If(self.i.ready):
            m.d.sync += [
                waiting_valid.eq(self.i.valid & new.b_scratchpad),
                waiting.first.eq(new.b_addr + _times(new.b_stride, self._cols - 1)),
                waiting.stride.eq(new.b_stride),
                waiting.n.eq(new.n),
                waiting.k_tiles.eq(new.k_tiles),
            ]

        coming = Signal(data.ArrayLayout(data.StructLayout({"valid": 1, "zero": 1}), BankedRead.LATENCY))
        m.d.sync += coming.as_value().eq(Cat(taken, zero, coming))
        m.d.comb += [
            self.o.valid.eq(coming[-1].valid),
            self.o.payload.eq(Mux(coming[-1].zero, 0, self.read.data.as_value())),
        ]
        return m


def _times(value: Any, factor: int) -> Any:
    """Multiply by a constant with shifts and sums: synthesis would spend a multiplier block."""
    return sum((value << bit for bit in range(factor.bit_length()) if factor >> bit & 1), 0)
