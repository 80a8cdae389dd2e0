"""A queue of words that leaves in whole tiles."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.array.layouts import TileRead, word_layout
from hw.core.memory.collisions import NO_COLLISIONS
from hw.core.memory.scrub import scrubs
from hw.layouts import Scrub
from spec.config import AcceleratorConfig

__all__ = ["TileFifo"]


class TileFifo(wiring.Component):
    """A queue that stores words and tells when a whole tile of ``cols`` words is there.

    Latency: a word can be claimed 2 cycles after its transfer. Throughput: one word in and one out a cycle, a claim in
    two cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows`` and ``cols``.
    depth : int
        Words that it holds; at least ``cols``.

    Members
    -------
    i : In(stream.Signature(ArrayLayout(unsigned(8), rows)))
        Words in order.
    free : Out(range(depth + 1))
        Words that would be taken now.
    o : In(TileRead)
        Tiles.
    scrub : In(Scrub())
        Clears the memory.
    """

    def __init__(self, config: AcceleratorConfig, *, depth: int) -> None:
        self._word, self._tile_words, self._depth = word_layout(config), config.cols, depth
        super().__init__(
            {
                "i": In(stream.Signature(self._word)),
                "free": Out(range(depth + 1), init=depth),
                "o": In(TileRead(config)),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        places = 1 << (self._depth - 1).bit_length()  # so that addresses wrap by themselves
        memory = m.submodules.memory = Memory(shape=self._word, depth=places, init=[], attrs=NO_COLLISIONS)
        write, read = memory.write_port(), memory.read_port()

        push = Signal()
        m.d.comb += [
            self.i.ready.eq(self.free != 0),
            push.eq(self.i.valid & self.i.ready),
            self.o.word.eq(read.data),
            read.en.eq(self.o.pop),
        ]
        m.d.sync += self.free.eq(self.free - push + self.o.pop)

        unclaimed = Signal(range(self._depth + 1))
        m.d.sync += [
            unclaimed.eq(unclaimed + push - Mux(self.o.claim, self._tile_words, 0)),
            self.o.stored.eq((unclaimed >= self._tile_words) & ~self.o.claim),
        ]

        write_addr, read_addr = Signal(range(places)), Signal(range(places))
        m.d.sync += [write_addr.eq(write_addr + push), read_addr.eq(read_addr + self.o.pop)]

        scrub = scrubs(self.scrub, places)
        m.d.comb += [
            read.addr.eq(read_addr),
            write.en.eq(push | scrub),
            write.addr.eq(Mux(scrub, self.scrub.addr, write_addr)),
            write.data.eq(Mux(scrub, 0, self.i.payload.as_value())),
        ]
        return m
