"""The post-processor's int16 memory."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In

from hw.core.memory.deep_memory import DeepMemory
from hw.core.memory.scrub import scrubs
from hw.core.post.layouts import MemoryRead
from hw.layouts import LoadWrite, Scrub
from spec.config import AcceleratorConfig

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
        self.storage = DeepMemory(word, config.vector_words)
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
        m.submodules.storage = storage = self.storage
        word = Signal.like(storage.read_data, reset_less=True)
        # A memory of many blocks would have to hold its word where none is wanted: it is read in every cycle.
        m.d.comb += [storage.read_addr.eq(self.read.addr), self.read.data.eq(word)]
        m.d.sync += word.eq(storage.read_data)

        enables = Signal.like(storage.write_en)
        addr = Signal.like(storage.write_addr, reset_less=True)
        content = Signal.like(storage.write_data, reset_less=True)
        m.d.comb += [storage.write_en.eq(enables), storage.write_addr.eq(addr), storage.write_data.eq(content)]
        m.d.comb += self.load.ready.eq(~self.write_en)
        with m.If(self.scrub.en):
            m.d.sync += [
                addr.eq(self.scrub.addr),
                content.eq(0),
                enables.eq(scrubs(self.scrub, storage.depth).replicate(len(enables))),
            ]
        with m.Elif(self.write_en):
            m.d.sync += [
                addr.eq(self.write_addr),
                content.eq(self.write_data),
                enables.eq(self.write_mask),
            ]
        with m.Else():
            m.d.sync += [
                addr.eq(self.load.payload.addr),
                content.eq(self.load.payload.data),
                enables.eq(self.load.valid.replicate(len(enables))),
            ]
        return m
