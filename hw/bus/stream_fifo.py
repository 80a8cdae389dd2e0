"""A queue between two streams."""

from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

__all__ = ["StreamFifo"]


class StreamFifo(wiring.Component):
    """A queue, first in, first out, with a synchronously read memory.

    Latency: 2 cycles. Throughput: one payload per cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    depth : int
        Payloads that it holds; at least 2.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
    level : Out(range(depth + 1))
        Payloads inside.
    """

    i: stream.Interface
    o: stream.Interface
    level: Any

    def __init__(self, shape: Any, depth: int) -> None:
        self.depth = depth
        super().__init__(
            {"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "level": Out(range(depth + 1))}
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        i, o = Value.cast(self.i.payload), Value.cast(self.o.payload)
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=len(i), depth=self.depth)
        m.d.comb += [
            fifo.w_data.eq(i),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            o.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            self.level.eq(fifo.level),
        ]
        return m
