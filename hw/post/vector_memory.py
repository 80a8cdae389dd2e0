"""The post-processor's int16 memory."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from hw.config import AcceleratorConfig
from hw.layouts import LoadWrite, Scrub
from hw.memory.collisions import NO_COLLISIONS
from hw.memory.scrub import scrubs
from hw.post.layouts import MemoryRead

__all__ = ["VectorMemory"]


class VectorMemory(wiring.Component):
    """``vector_words`` words of ``lanes`` int16 values with one read and one write port.

    Latency: a read takes 2 cycles; a write can be read in the second cycle after it.
    Throughput: a read and a write per cycle. A LOAD's word waits while the post-processor writes.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    read : In(MemoryRead(vector_words, ArrayLayout(signed(16), lanes)))
    write_en : In(1), write_mask : In(lanes)
        Lanes to write at ``write_addr``.
    write_addr : In(range(vector_words))
    write_data : In(ArrayLayout(signed(16), lanes))
    load : In(LoadWrite(ArrayLayout(signed(16), lanes)))
    scrub : In(Scrub())
    """

    read: Any
    write_en: Signal
    write_mask: Signal
    write_addr: Signal
    write_data: Any
    load: stream.Interface
    scrub: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        word = data.ArrayLayout(signed(16), config.lanes)
        self.storage = Memory(shape=word, depth=config.vector_words, init=[], attrs=NO_COLLISIONS)
        super().__init__(
            {
                "read": In(MemoryRead(config.vector_words, word)),
                "write_en": In(1),
                "write_mask": In(config.lanes),
                "write_addr": In(range(config.vector_words)),
                "write_data": In(word),
                "load": In(LoadWrite(word)),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.storage = self.storage
        read, write = self.storage.read_port(), self.storage.write_port(granularity=1)
        word = Signal.like(read.data, reset_less=True)
        # A memory of many blocks would have to hold its word where none is wanted: it is read in every cycle.
        m.d.comb += [read.addr.eq(self.read.addr), self.read.data.eq(word)]
        m.d.sync += word.eq(read.data)

        addr, content = Signal.like(write.addr, reset_less=True), Signal.like(write.data, reset_less=True)
        m.d.comb += [write.addr.eq(addr), write.data.eq(content), self.load.ready.eq(~self.write_en)]
        with m.If(self.scrub.en):
            m.d.sync += [
                addr.eq(self.scrub.addr),
                content.eq(0),
                write.en.eq(scrubs(self.scrub, self.storage.depth).replicate(len(write.en))),
            ]
        with m.Elif(self.write_en):
            m.d.sync += [
                addr.eq(self.write_addr),
                content.eq(self.write_data),
                write.en.eq(self.write_mask),
            ]
        with m.Else():
            m.d.sync += [
                addr.eq(self.load.payload.addr),
                content.eq(self.load.payload.data),
                write.en.eq(self.load.valid.replicate(len(write.en))),
            ]
        return m
