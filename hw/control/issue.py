"""The queue in front of an engine."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.stream_fifo import StreamFifo
from hw.bus.stream_register import StreamRegister
from hw.config import AcceleratorConfig
from hw.control.queued import queued
from hw.isa import Engine, Instruction
from hw.layouts import instruction_layout

__all__ = ["UNDERWAY", "Issue"]

UNDERWAY = 8
"""Most instructions that an engine has been given and not completed."""

_head = instruction_layout(Instruction)


class Issue(wiring.Component):
    """Holds an engine's instructions until their tokens are there, and gives their tokens when they are done.

    Latency: 4 cycles. Throughput: one instruction in three cycles; at most 8 have been issued and are not done.

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
    available : In(3)
        Engines from which there is a token.
    take, give : Out(3)
        Pulses: tokens that are taken and given.
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
    take: Any
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
                "take": Out(engines),
                "give": Out(engines),
                "lacks": Out(engines),
                "idle": Out(1),
                "working": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = StreamFifo(queued, self.config.queue_depth)
        m.submodules.register = register = StreamRegister(queued)
        m.submodules.underway = underway = StreamFifo(_head["signal"].shape, UNDERWAY)
        connect(m, flipped(self.i), queue.i)
        connect(m, register.o, flipped(self.o))

        head = data.View(_head, queue.o.payload.instruction)
        # Decided a cycle ahead: only an issue can take tokens, the register and the place among those under way.
        go = Signal()
        may_go = queue.o.valid & (self.lacks == 0) & underway.i.ready & register.i.ready
        m.d.sync += go.eq(may_go & ~go)
        m.d.comb += [
            self.lacks.eq((head.wait & ~self.available) & queue.o.valid.replicate(len(Engine))),
            register.i.payload.eq(queue.o.payload),
            register.i.valid.eq(go),
            queue.o.ready.eq(go),
            underway.i.payload.eq(head.signal),
            underway.i.valid.eq(queue.o.ready),
            underway.o.ready.eq(self.done),
            self.working.eq(underway.level != 0),
            self.idle.eq((queue.level == 0) & ~self.working),
        ]
        with m.If(queue.o.ready):
            m.d.comb += self.take.eq(head.wait)
        with m.If(self.done):
            m.d.comb += self.give.eq(underway.o.payload)
        return m
