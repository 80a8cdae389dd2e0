"""The parameter records of the post-processor."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from hw.core.memory.collisions import NO_COLLISIONS
from hw.core.memory.scrub import scrubs
from hw.core.post.layouts import MemoryRead
from hw.layouts import LoadWrite, Scrub, param_record
from spec.config import AcceleratorConfig

__all__ = ["ParamMemory"]

_FIELDS = ("bias", "mul", "mul2")


class ParamMemory(wiring.Component):
    """``param_words`` words of ``lanes`` records; each field is read for itself, when the datapath is ready for it.

    Latency: a read takes 2 cycles; a LOAD's word can be read in the second cycle after it. Throughput: three reads and
    a write per cycle.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    bias, mul, mul2 : In(MemoryRead(param_words, ArrayLayout(signed(...), lanes)))
        One field of a word's records.
    load : In(LoadWrite(ArrayLayout(param_record, lanes)))
        Always ready, and ignored while the memory is scrubbed.
    scrub : In(Scrub())
    """

    bias: Any
    mul: Any
    mul2: Any
    load: stream.Interface
    scrub: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self._lanes = config.lanes
        self.storage = {
            name: Memory(shape=_word(name, config.lanes), depth=config.param_words, init=[], attrs=NO_COLLISIONS)
            for name in _FIELDS
        }
        super().__init__(
            {
                **{name: In(MemoryRead(config.param_words, _word(name, config.lanes))) for name in _FIELDS},
                "load": In(LoadWrite(data.ArrayLayout(param_record, config.lanes))),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.d.comb += self.load.ready.eq(1)
        for name, storage in self.storage.items():
            m.submodules[name] = storage
            port, read, write = getattr(self, name), storage.read_port(), storage.write_port()
            m.d.comb += [read.en.eq(port.en), read.addr.eq(port.addr)]
            word = Signal.like(read.data, reset_less=True)
            m.d.sync += word.eq(read.data)
            m.d.comb += port.data.eq(word)
            addr, content = Signal.like(write.addr, reset_less=True), Signal.like(write.data, reset_less=True)
            m.d.comb += [write.addr.eq(addr), write.data.eq(content)]
            with m.If(self.scrub.en):
                m.d.sync += [write.en.eq(scrubs(self.scrub, storage.depth)), addr.eq(self.scrub.addr), content.eq(0)]
            with m.Else():
                m.d.sync += [write.en.eq(self.load.valid), addr.eq(self.load.payload.addr)]
                m.d.sync += [content[i].eq(self.load.payload.data[i][name]) for i in range(self._lanes)]
        return m


def _word(name: str, lanes: int) -> data.ArrayLayout:
    return data.ArrayLayout(param_record[name].shape, lanes)
