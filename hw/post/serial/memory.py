"""The one memory of the serial post-processor."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import AcceleratorConfig
from hw.layouts import LoadWrite, Scrub, param_record
from hw.memory.scrub import scrubs
from hw.memory.single_port import SinglePort
from hw.post.serial.memory_map import RECORD_WORDS, MemoryMap
from hw.post.serial.microcode import VALUE_BITS

__all__ = ["PostMemory"]

_GROUP_BYTES = 8


class PostMemory(wiring.Component):
    """Vectors, tables, records, rows and local variables in one single-port memory of 16-bit words.

    Latency: ``o`` is the word in the cycle after a read, and only in that. Throughput: one access a cycle; a LOAD's
    word waits while the microprogram has one, and takes a cycle for each 16 bits.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    en, write_en : In(1), addr : In(range(depth)), i : In(16), o : Out(16)
        The microprogram's access.
    load_vector : In(LoadWrite(ArrayLayout(signed(16), 1)))
    load_param : In(LoadWrite(ArrayLayout(param_record, 1)))
    load_table : In(LoadWrite(ArrayLayout(unsigned(8), 8)))
    scrub : In(Scrub())
    """

    en: Signal
    write_en: Signal
    addr: Signal
    i: Signal
    o: Signal
    load_vector: stream.Interface
    load_param: stream.Interface
    load_table: stream.Interface
    scrub: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.map = MemoryMap(config)
        self.memory = SinglePort(n_bytes=VALUE_BITS // 8, depth=self.map.depth)
        super().__init__(
            {
                "en": In(1),
                "write_en": In(1),
                "addr": In(range(self.map.depth)),
                "i": In(VALUE_BITS),
                "o": Out(VALUE_BITS),
                "load_vector": In(LoadWrite(data.ArrayLayout(signed(16), 1))),
                "load_param": In(LoadWrite(data.ArrayLayout(param_record, 1))),
                "load_table": In(LoadWrite(data.ArrayLayout(unsigned(8), _GROUP_BYTES))),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = self.memory
        record = self.load_param.payload.data[0]
        record_halves = [half for field in ("bias", "mul", "mul2") for half in _halves(record[field])]
        group = self.load_table.payload.data.as_value()
        group_words = [group[k : k + VALUE_BITS] for k in range(0, len(group), VALUE_BITS)]

        # A LOAD's words go in one after the other; only one of its targets is ever in use.
        place, word, addr = Signal(range(RECORD_WORDS)), Signal(VALUE_BITS), Signal.like(memory.addr)
        last, wants = Signal(), Signal()
        for load, words, base, unit in (
            (self.load_vector, [self.load_vector.payload.data.as_value()], 0, 1),
            (self.load_param, record_halves, self.map.records, RECORD_WORDS),
            (self.load_table, group_words, self.map.tables, len(group_words)),
        ):
            with m.If(load.valid):
                m.d.comb += [
                    wants.eq(1),
                    last.eq(place == len(words) - 1),
                    addr.eq(base + load.payload.addr * unit + (place if unit > 1 else 0)),
                    load.ready.eq(last & ~self.en),
                ]
                with m.Switch(place):
                    for number, part in enumerate(words):
                        with m.Case(number):
                            m.d.comb += word.eq(part)
        with m.If(wants & ~self.en):
            m.d.sync += place.eq(Mux(last, 0, place + 1))

        m.d.comb += [memory.i.eq(word), memory.addr.eq(addr), memory.en.eq(wants), memory.mask.eq(~0)]
        m.d.comb += self.o.eq(memory.o)
        with m.If(self.en):
            m.d.comb += [memory.en.eq(1), memory.addr.eq(self.addr), memory.i.eq(self.i)]
            m.d.comb += memory.mask.eq(self.write_en.replicate(len(memory.mask)))
        with m.If(self.scrub.en):
            m.d.comb += [memory.en.eq(scrubs(self.scrub, self.map.depth)), memory.addr.eq(self.scrub.addr)]
            m.d.comb += [memory.i.eq(0), memory.mask.eq(~0)]
        return m


def _halves(value: Any) -> tuple[Any, Any]:
    """Return the low half of a number and its high half, extended."""
    high = value[VALUE_BITS:]
    return value[:VALUE_BITS], Cat(high, high[-1].replicate(VALUE_BITS - len(high)))
