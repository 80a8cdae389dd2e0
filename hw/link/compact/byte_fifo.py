"""A queue of bytes for a slow reader."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.link.layouts import BYTE

__all__ = ["ByteFifo"]


class ByteFifo(wiring.Component):
    """A queue of bytes, first in, first out.

    Latency: 2 cycles. Throughput: one byte per cycle in, one in two cycles out.

    Parameters
    ----------
    depth : int
        Bytes that it holds; a power of two.

    Members
    -------
    i : In(stream.Signature(8))
    o : Out(stream.Signature(8))
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, depth: int) -> None:
        self._depth = depth
        super().__init__({"i": In(stream.Signature(BYTE)), "o": Out(stream.Signature(BYTE))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=BYTE, depth=self._depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        # One bit more than addresses have tells full from empty.
        first, last = Signal(len(read.addr) + 1), Signal(len(write.addr) + 1)
        taken, same_place, same_turn = Signal(), Signal(), Signal()
        m.d.comb += [
            read.addr.eq(first),
            write.addr.eq(last),
            same_place.eq(read.addr == write.addr),
            same_turn.eq(first[-1] == last[-1]),
            self.i.ready.eq(~same_place | same_turn),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.i.ready),
            self.o.payload.eq(read.data),
            taken.eq(self.o.valid & self.o.ready),
        ]
        # The memory shows the byte at ``first`` a cycle later, and one that is just being written two.
        m.d.sync += self.o.valid.eq(~(same_place & same_turn) & ~taken)
        with m.If(write.en):
            m.d.sync += last.eq(last + 1)
        with m.If(taken):
            m.d.sync += first.eq(first + 1)
        return m
