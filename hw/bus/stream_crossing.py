"""A queue from one clock to another."""

from typing import Any

from amaranth.hdl import DomainRenamer, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.gray_counter import GrayCounter
from hw.core.memory.collisions import TWO_CLOCKS

__all__ = ["StreamCrossing"]


class StreamCrossing(wiring.Component):
    """A queue, first in, first out, between clocks of any ratio and phase.

    Each side sees the other's place in the memory in Gray code and through two registers, so that it may be late but
    never wrong. ``i.ready``, ``o.valid`` and ``o.payload`` come out of registers, and what leads to those is shorter
    than in `amaranth.lib.fifo.AsyncFIFOBuffered`: full and empty are known a cycle ahead. Both domains must be reset
    together, for four cycles of each.

    Latency: 4 to 5 cycles of ``o``, from edge to edge. Throughput: one payload per cycle of the slower clock if 16 deep
    or more.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    depth : int
        Payloads in the memory, a power of two and at least 2; the output register holds another one.
    i_domain, o_domain : str
        Clock domains of the two streams.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))

    Raises
    ------
    ValueError
        If ``depth`` is another number.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: Any, depth: int, *, i_domain: str, o_domain: str) -> None:
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two and at least 2, not {depth!r}")
        self._depth = depth
        self._i_domain, self._o_domain = i_domain, o_domain
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        payload = Value.cast(self.i.payload)
        m.submodules.memory = memory = Memory(shape=len(payload), depth=self._depth, init=[], attrs=TWO_CLOCKS)
        write_port = memory.write_port(domain=self._i_domain)
        read_port = memory.read_port(domain=self._o_domain)
        enters, leaves = Signal(), Signal()
        full, empty = Signal(), Signal(init=1)

        # Places go twice round the memory.
        places = [GrayCounter(exact_log2(self._depth) + 1) for _ in range(2)]
        written, read = places
        m.submodules.written = DomainRenamer(self._i_domain)(written)
        m.submodules.read = DomainRenamer(self._o_domain)(read)
        seen_written, seen_read = (Signal.like(counter.present) for counter in places)
        m.submodules.seen_written = FFSynchronizer(written.present, seen_written, o_domain=self._o_domain)
        m.submodules.seen_read = FFSynchronizer(read.present, seen_read, o_domain=self._i_domain)

        # A lap ahead is the same place with the two highest bits of its Gray code inverted.
        lap = seen_read ^ (0b11 << (len(seen_read) - 2))
        m.d.comb += [
            enters.eq(self.i.valid & ~full),
            leaves.eq(~empty & (~self.o.valid | self.o.ready)),
            written.step.eq(enters),
            read.step.eq(leaves),
            write_port.addr.eq(self._address(written.present)),
            write_port.data.eq(payload),
            write_port.en.eq(enters),
            read_port.addr.eq(self._address(read.present)),
            read_port.en.eq(leaves),
            self.i.ready.eq(~full),
            Value.cast(self.o.payload).eq(read_port.data),
        ]
        m.d[self._i_domain] += full.eq(Mux(enters, written.following == lap, written.present == lap))
        m.d[self._o_domain] += empty.eq(
            Mux(leaves, read.following == seen_written, read.present == seen_written),
        )
        with m.If(~self.o.valid | self.o.ready):
            m.d[self._o_domain] += self.o.valid.eq(~empty)
        return m

    def _address(self, place: Value) -> Value:
        """Return where a place is in the memory: Gray codes a lap apart differ in the two highest bits."""
        return (place ^ (place >> 1 & (self._depth >> 1)))[: exact_log2(self._depth)]
