"""The queue in front of an engine."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.stream_fifo import StreamFifo
from hw.core.control.queued import queued
from hw.layouts import instruction_layout
from spec.config import AcceleratorConfig
from spec.isa import Engine, Instruction

__all__ = ["UNDERWAY", "Issue"]

UNDERWAY = 8
"""Most instructions that an engine has been given and not completed."""

_head = instruction_layout(Instruction)


class Issue(wiring.Component):
    """A gate for an engine's instructions: they wait for their tokens, and give tokens when they are done.

    Latency: 3 cycles. Throughput: one instruction in two cycles; at most 8 have been issued and are not done.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    i : In(stream.Signature(queued))
        Instructions of this engine; ``queue_depth`` of them wait here.
    o : Out(stream.Signature(queued))
        Instructions whose tokens have been taken.
    done : In(1)
        Pulse: the oldest issued instruction is complete; not earlier than 2 cycles after its tokens were taken.
    available, room : In(3)
        Engines from which there is a token, and to which one may be promised.
    take, promise, give : Out(3)
        Pulses: tokens that are taken and promised when an instruction is issued, and given when it is done.
    lacks : Out(3)
        Engines for whose tokens the next instruction waits.
    idle : Out(1)
        Nothing is queued or under way.
    working : Out(1)
        An instruction has taken its tokens and is not done.
    """

    i: stream.Interface
    o: stream.Interface
    done: Any
    available: Any
    room: Any
    take: Any
    promise: Any
    give: Any
    lacks: Any
    idle: Any
    working: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        engines = len(Engine)
        super().__init__(
            {
                "i": In(stream.Signature(queued)),
                "o": Out(stream.Signature(queued)),
                "done": In(1),
                "available": In(engines),
                "room": In(engines),
                "take": Out(engines),
                "promise": Out(engines),
                "give": Out(engines),
                "lacks": Out(engines),
                "idle": Out(1),
                "working": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = StreamFifo(queued, self.config.queue_depth)
        m.submodules.underway = underway = StreamFifo(_head["signal"].shape, UNDERWAY)
        connect(m, flipped(self.i), queue.i)

        head = data.View(_head, queue.o.payload.instruction)
        # Nothing but an issue takes tokens, room or a place among those under way, so it can be decided a cycle ahead.
        fits = (head.signal & ~self.room) == 0
        with m.If(~self.o.valid):
            m.d.sync += self.o.valid.eq(queue.o.valid & (self.lacks == 0) & fits & underway.i.ready)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.comb += [
            self.lacks.eq((head.wait & ~self.available) & queue.o.valid.replicate(len(Engine))),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.valid & self.o.ready),
            underway.i.payload.eq(head.signal),
            underway.i.valid.eq(queue.o.ready),
            underway.o.ready.eq(self.done),
            self.working.eq(underway.level != 0),
            self.idle.eq((queue.level == 0) & ~self.working),
        ]
        with m.If(queue.o.ready):
            m.d.comb += [self.take.eq(head.wait), self.promise.eq(head.signal)]
        with m.If(self.done):
            m.d.comb += self.give.eq(underway.o.payload)
        return m
