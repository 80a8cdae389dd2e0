"""The look-up tables of the post-processor."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.memory.collisions import NO_COLLISIONS
from hw.core.memory.scrub import scrubs
from hw.layouts import TABLE_WORD_BYTES, LoadWrite, Scrub
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES

__all__ = ["TableMemory"]

_GROUP = 8  # entries that are loaded together
_WORDS = TABLE_ENTRIES // TABLE_WORD_BYTES
_INDEX = range(TABLE_ENTRIES)


class TableMemory(wiring.Component):
    """``tables`` tables of 2048 bytes with a copy for each lane.

    Latency: a read takes 2 cycles, with the choice of a byte in a word as logic after the last register; it sees
    writes of earlier cycles. Throughput: a read per cycle; a group in two cycles.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    en : In(1), table : In(2), index : In(ArrayLayout(range(2048), lanes))
        Read entry ``index`` of the table in each lane.
    entry : Out(ArrayLayout(unsigned(8), lanes))
    load : In(LoadWrite(ArrayLayout(unsigned(8), 8)))
        Group ``addr % 256`` of table ``addr // 256``, which takes two cycles; ignored while the memory is scrubbed.
    scrub : In(Scrub())
    """

    en: Signal
    table: Signal
    index: Any
    entry: Any
    load: stream.Interface
    scrub: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        group, word = (data.ArrayLayout(unsigned(8), length) for length in (_GROUP, TABLE_WORD_BYTES))
        self.storage = [
            Memory(shape=word, depth=config.tables * _WORDS, init=[], attrs=NO_COLLISIONS) for _ in range(config.lanes)
        ]
        super().__init__(
            {
                "en": In(1),
                "table": In(2),
                "index": In(data.ArrayLayout(_INDEX, config.lanes)),
                "entry": Out(data.ArrayLayout(unsigned(8), config.lanes)),
                "load": In(LoadWrite(group)),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        low = (TABLE_WORD_BYTES - 1).bit_length()
        second = Signal()
        m.d.comb += self.load.ready.eq(second)
        m.d.sync += second.eq(self.load.valid & ~second)

        # One register for all lanes.
        word = self.storage[0].shape
        addr, content = Signal(range(self.storage[0].depth), reset_less=True), Signal(word, reset_less=True)
        write_en = Signal()
        with m.If(self.scrub.en):
            m.d.sync += [
                write_en.eq(scrubs(self.scrub, self.storage[0].depth)),
                addr.eq(self.scrub.addr),
                content.eq(0),
            ]
        with m.Else():
            loaded = self.load.payload
            m.d.sync += [
                write_en.eq(self.load.valid),
                addr.eq(Cat(second, loaded.addr)),
                content.eq(loaded.data.as_value().word_select(second, word.size)),
            ]
        for lane, storage in enumerate(self.storage):
            m.submodules[f"lane_{lane}"] = storage
            read, write = storage.read_port(), storage.write_port()
            index, chosen = self.index[lane], Signal.like(read.data, name="word", reset_less=True)
            place, place_read = Signal(low, reset_less=True), Signal(low, reset_less=True)
            m.d.comb += [
                read.en.eq(self.en),
                read.addr.eq(Cat(index[low:], self.table)),
                self.entry[lane].eq(chosen[place_read]),
            ]
            m.d.sync += [place.eq(index[:low]), chosen.eq(read.data), place_read.eq(place)]
            m.d.comb += [write.addr.eq(addr), write.data.eq(content), write.en.eq(write_en)]
        return m
