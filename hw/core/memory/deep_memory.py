"""A memory of any depth with few multiplexers behind it."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.core.memory.collisions import NO_COLLISIONS

__all__ = ["DeepMemory"]

_UNDIVIDED = 1024
"""Words up to which a memory stays one: a block memory of the ECP5 is as deep where it is 16 bits wide."""


class DeepMemory(wiring.Component):
    """Words with one read and one write port, which must not use the same word in one cycle.

    A power of two of words takes block memories that are as deep and narrow, and no choice among their outputs. Other
    depths are put together from such parts, the largest first: 13,312 words are 8192, 4096 and 1024, which takes the
    blocks of 13 times 1024 and a choice of three instead of thirteen.

    Latency: a read takes 1 cycle. Throughput: a read and a write per cycle.

    Parameters
    ----------
    word : ArrayLayout
        Each element can be written by itself.
    depth : int
        Words; at least 1.

    Members
    -------
    read_addr : In(range(depth))
    read_data : Out(word)
    write_en : In(word.length)
        Elements to write at ``write_addr``.
    write_addr : In(range(depth))
    write_data : In(word)

    Attributes
    ----------
    shape : ArrayLayout
    depth : int
    data : tuple
        Contents by address, for simulation.
    """

    read_addr: Signal
    read_data: Any
    write_en: Signal
    write_addr: Signal
    write_data: Any

    def __init__(self, word: data.ArrayLayout, depth: int) -> None:
        self.shape, self.depth, self._parts = word, depth, list[Memory]()
        while rest := depth - sum(part.depth for part in self._parts):
            words = rest if rest <= _UNDIVIDED else 1 << (rest.bit_length() - 1)
            self._parts.append(Memory(shape=word, depth=words, init=[], attrs=NO_COLLISIONS))
        self.data = tuple(part.data[k] for part in self._parts for k in range(part.depth))
        super().__init__(
            {
                "read_addr": In(range(depth)),
                "read_data": Out(word),
                "write_en": In(word.length),
                "write_addr": In(range(depth)),
                "write_data": In(word),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        writes, words = self._holding(self.write_addr), []
        for index, part in enumerate(self._parts):
            m.submodules[f"part_{index}"] = part
            read, write = part.read_port(), part.write_port(granularity=1)
            m.d.comb += [
                read.addr.eq(self.read_addr),
                write.addr.eq(self.write_addr),
                write.data.eq(self.write_data),
                write.en.eq(self.write_en & writes[index].replicate(len(write.en))),
            ]
            words.append(read.data)

        chosen = Signal(len(words) - 1, reset_less=True)
        m.d.sync += chosen.eq(Cat(self._holding(self.read_addr)))
        m.d.comb += self.read_data.eq(words[-1])
        for index, word in enumerate(words[:-1]):
            with m.If(chosen[index]):
                m.d.comb += self.read_data.eq(word)
        return m

    def _holding(self, addr: Signal) -> list[Value]:
        """Tell for each part whether it has a word: the first one whose bit in the address is not set, or the last."""
        holding, beyond = list[Value](), Value.cast(Const(1))
        for part in self._parts[:-1]:
            bit = addr[exact_log2(part.depth)]
            holding.append(beyond & ~bit)
            beyond = beyond & bit
        return [*holding, beyond]
