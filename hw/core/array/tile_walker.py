"""The loop of a GEMM over its tiles."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.array.countdown import Countdown
from hw.core.array.layouts import Tile
from hw.layouts import INSTRUCTION, instruction_layout
from spec.config import AcceleratorConfig
from spec.isa import Gemm

__all__ = ["TileWalker"]


class TileWalker(wiring.Component):
    """A walker that unrolls GEMMs into passes over one tile: for each column tile, for each word of K.

    Holds the present GEMM and the next.

    Latency: 2 cycles. Throughput: one tile a cycle, one GEMM in 2 cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``cols``.

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        GEMMs.
    o : Out(stream.Signature(Tile))
        Their tiles.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._cols = config.cols
        super().__init__({"i": In(stream.Signature(INSTRUCTION)), "o": Out(stream.Signature(Tile))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        layout = instruction_layout(Gemm)
        waiting, waiting_valid = Signal(layout, reset_less=True), Signal()
        gemm = Signal(layout, reset_less=True)
        a_addr = Signal.like(gemm.a_addr, reset_less=True)
        words = Countdown(gemm.k_tiles.shape(), name="words")
        columns = Countdown(gemm.n.shape(), step=self._cols, name="columns")
        first_k = Signal()

        tile, load = self.o.payload, Signal()
        m.d.comb += [
            tile.m.eq(gemm.m),
            tile.a_addr.eq(a_addr),
            tile.a_stride.eq(gemm.a_stride),
            tile.a_unsigned.eq(gemm.a_unsigned),
            tile.b_scratchpad.eq(gemm.b_scratchpad),
            tile.clear.eq(gemm.clear & first_k),
            tile.release.eq(gemm.release & words.last),
            tile.done.eq(words.last & columns.last),
        ]

        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [first_k.eq(words.last), a_addr.eq(a_addr + 1), *words.advance()]
            with m.If(words.last):
                m.d.sync += [a_addr.eq(gemm.a_addr), *words.load(gemm.k_tiles)]
                m.d.sync += [*columns.advance(), self.o.valid.eq(~columns.last)]

        m.d.comb += [
            load.eq(waiting_valid & (~self.o.valid | (self.o.ready & tile.done))),
            self.i.ready.eq(~waiting_valid),
        ]
        with m.If(load):
            m.d.sync += [gemm.eq(waiting), self.o.valid.eq(1), waiting_valid.eq(0)]
            m.d.sync += [a_addr.eq(waiting.a_addr), *words.load(waiting.k_tiles), *columns.load(waiting.n)]
            m.d.sync += first_k.eq(1)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [waiting.eq(self.i.payload), waiting_valid.eq(1)]
        return m
