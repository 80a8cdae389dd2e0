"""Results on their way to memory."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.memory.collisions import NO_COLLISIONS
from hw.layouts import Scrub
from spec.config import AcceleratorConfig

__all__ = ["OutputFifo"]

_DEPTH = 16  # a chunk's room is taken at issue and given back at the output: about 8 cycles at full speed


class OutputFifo(wiring.Component):
    """FIFO of chunks whose room is reserved before they enter the pipeline, so that the pipeline never waits.

    Latency: 2 cycles. Throughput: one chunk per cycle.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    room : Out(1)
        A chunk may be reserved.
    reserve : In(1)
        Take room for a chunk that is to come.
    en : In(1), data : In(ArrayLayout(signed(32), lanes)), last : In(1)
        A chunk that has come.
    o : Out(stream.Signature({"data": ArrayLayout(signed(32), lanes), "last": 1}))
    scrub : In(Scrub())
    """

    room: Signal
    reserve: Signal
    en: Signal
    data: Any
    last: Signal
    o: stream.Interface
    scrub: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        values = data.ArrayLayout(signed(32), config.lanes)
        self._word = data.StructLayout({"data": values, "last": 1})
        super().__init__(
            {
                "room": Out(1),
                "reserve": In(1),
                "en": In(1),
                "data": In(values),
                "last": In(1),
                "o": Out(stream.Signature(self._word)),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.storage = storage = Memory(shape=self._word, depth=_DEPTH, init=[], attrs=NO_COLLISIONS)
        read, write = storage.read_port(), storage.write_port()
        free = Signal(range(_DEPTH + 1), init=_DEPTH)
        head, tail = Signal(range(_DEPTH)), Signal(range(_DEPTH))

        # Of two free places at least one is left in the next cycle, whatever is reserved in this one.
        taken = self.o.valid & self.o.ready
        m.d.sync += [free.eq(free - self.reserve + taken), self.room.eq(free >= 2)]

        with m.If(self.scrub.en):
            m.d.comb += [write.addr.eq(self.scrub.addr), write.en.eq(1)]
        with m.Else():
            m.d.comb += [
                write.addr.eq(tail),
                write.data.data.eq(self.data),
                write.data.last.eq(self.last),
                write.en.eq(self.en),
            ]
        m.d.sync += tail.eq(tail + self.en)

        # The read port's register is the output: it takes the next word when it is empty or being taken.
        m.d.comb += [
            self.o.payload.eq(read.data),
            read.addr.eq(head),
            read.en.eq(~self.o.valid | self.o.ready),
        ]
        with m.If(read.en):
            m.d.sync += [self.o.valid.eq(head != tail), head.eq(head + (head != tail))]
        return m
