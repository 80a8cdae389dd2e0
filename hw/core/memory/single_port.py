"""A memory with one port."""

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.memory.collisions import NO_COLLISIONS

__all__ = ["SinglePort"]

_BLOCK_BYTES = 2
_BLOCK_ADDRESS_BITS = 14
_NIBBLES = 2  # of a byte: a block writes by these


class SinglePort(wiring.Component):
    """Words of bytes, of which one is read or written in a cycle.

    Blocks SB_SPRAM256KA where the platform's ``family`` is ``"ice40"``, side by side and one above the other.

    Latency: ``o`` is the word in the cycle after ``en`` without ``mask``, and only in that. Throughput: one access a
    cycle.

    Parameters
    ----------
    n_bytes : int
        Of a word.
    depth : int
        Words.

    Members
    -------
    en : In(1)
        Read, or write the bytes whose ``mask`` bit is set.
    addr : In(range(depth))
    mask : In(n_bytes)
    i : In(ArrayLayout(unsigned(8), n_bytes)), o : Out(ArrayLayout(unsigned(8), n_bytes))
    """

    en: Signal
    addr: Signal
    mask: Signal
    i: Any
    o: Any

    def __init__(self, *, n_bytes: int, depth: int) -> None:
        word = data.ArrayLayout(unsigned(8), n_bytes)
        self._bytes, self._depth = n_bytes, depth
        super().__init__(
            {"en": In(1), "addr": In(range(depth)), "mask": In(n_bytes), "i": In(word), "o": Out(word)},
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if getattr(platform, "family", None) == "ice40":
            self._blocks(m)
            return m
        m.submodules.storage = storage = Memory(shape=self.i.shape(), depth=self._depth, init=[], attrs=NO_COLLISIONS)
        read, write = storage.read_port(), storage.write_port(granularity=1)
        m.d.comb += [
            read.en.eq(self.en & (self.mask == 0)),
            read.addr.eq(self.addr),
            self.o.eq(read.data),
            write.en.eq(Mux(self.en, self.mask, 0)),
            write.addr.eq(self.addr),
            write.data.eq(self.i),
        ]
        return m

    def _blocks(self, m: Module) -> None:
        layers = -(-self._depth // (1 << _BLOCK_ADDRESS_BITS))
        pad = max(_BLOCK_ADDRESS_BITS - len(self.addr), 0)
        addr = self.addr[:_BLOCK_ADDRESS_BITS]
        layer = self.addr[_BLOCK_ADDRESS_BITS:]
        layer_read = Signal.like(layer)
        with m.If(self.en):
            m.d.sync += layer_read.eq(layer)
        words = [Signal.like(self.o.as_value(), name=f"word_{number}") for number in range(layers)]
        for number, word in enumerate(words):
            for first in range(0, self._bytes, _BLOCK_BYTES):
                lanes = range(first, min(first + _BLOCK_BYTES, self._bytes))
                m.submodules[f"block_{number}_{first}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_CHIPSELECT=self.en & (layer == number) if layers > 1 else self.en,
                    i_WREN=self.mask.any(),
                    i_ADDRESS=Cat(addr, Const(0, pad)),
                    i_DATAIN=Cat(*(self.i[lane] for lane in lanes)),
                    i_MASKWREN=Cat(*(self.mask[lane].replicate(_NIBBLES) for lane in lanes)),
                    i_STANDBY=Const(0),
                    i_SLEEP=Const(0),
                    i_POWEROFF=Const(1),
                    o_DATAOUT=word[8 * first : 8 * (first + _BLOCK_BYTES)],
                )
        m.d.comb += self.o.eq(words[0])
        for number in range(1, layers):
            with m.If(layer_read == number):
                m.d.comb += self.o.eq(words[number])
