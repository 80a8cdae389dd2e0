"""Two registers in a stream."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["StreamBuffer"]

_ENTRIES = 2


class StreamBuffer(wiring.Component):
    """A buffer that holds up to two payloads, in turn in two registers; no path leads through it, in either direction.

    A transfer at either end moves nothing but pointers, so that it may be decided late in its cycle.

    Latency: 1 cycle. Throughput: one payload per cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        entries = [Signal(self._shape, name=f"entry_{k}", reset_less=True) for k in range(_ENTRIES)]
        put, get, level = Signal(), Signal(), Signal(range(_ENTRIES + 1))
        room, added, taken, following = Signal(init=1), Signal(), Signal(), Signal.like(level)
        m.d.comb += [
            self.i.ready.eq(room),
            added.eq(self.i.valid & room),
            self.o.valid.eq(level != 0),
            taken.eq(self.o.valid & self.o.ready),
            following.eq(level + added - taken),
            Value.cast(self.o.payload).eq(Mux(get, *(Value.cast(entry) for entry in reversed(entries)))),
        ]
        m.d.sync += [put.eq(put ^ added), get.eq(get ^ taken), level.eq(following), room.eq(following < _ENTRIES)]
        # An entry that is not in use may hold anything, so that what is written need not be valid.
        for k, entry in enumerate(entries):
            with m.If(room & (put == k)):
                m.d.sync += entry.eq(self.i.payload)
        return m
