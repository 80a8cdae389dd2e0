"""The dispatcher: checked instructions, in program order, to the queues of their engines."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import AXI_ADDRESS_BITS
from hw.bus.fault import INDEX_BITS, Fault
from hw.bus.stream_register import StreamRegister
from hw.core.control.fetch import LENGTH_BITS
from hw.core.control.queued import queued
from hw.layouts import INSTRUCTION, instruction_layout
from spec.isa import ErrorCode, Instruction, Opcode

__all__ = ["Dispatcher", "checked"]

checked = data.StructLayout({"instruction": INSTRUCTION, "code": 4, "addr": AXI_ADDRESS_BITS})
"""An instruction and what the checker says of it."""


class Dispatcher(wiring.Component):
    """A dispatcher that hands instructions on until HALT, an instruction that breaks a rule, or the end of the program.

    Latency: 2 cycles. Throughput: one instruction in three cycles. A full queue holds up those behind it.

    Members
    -------
    run : In(1)
        Dispatch; while low nothing moves.
    length : In(27)
        Instructions of the program.
    i : In(stream.Signature(checked))
    load, array, post, weights : Out(stream.Signature(queued))
        LOAD; GEMM; DRAIN and SWEEP; STREAM.
    stop : Out(Fault())
        The program ends here, with code NONE for HALT; ``run`` falls in the next cycle.
    dispatched : Out(1)
        Pulse per instruction, HALT included.
    """

    run: Any
    length: Any
    i: stream.Interface
    load: stream.Interface
    array: stream.Interface
    post: stream.Interface
    weights: stream.Interface
    stop: Any
    dispatched: Any

    def __init__(self) -> None:
        super().__init__(
            {
                "run": In(1),
                "length": In(LENGTH_BITS),
                "i": In(stream.Signature(checked)),
                "load": Out(stream.Signature(queued)),
                "array": Out(stream.Signature(queued)),
                "post": Out(stream.Signature(queued)),
                "weights": Out(stream.Signature(queued)),
                "stop": Out(Fault()),
                "dispatched": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        queues = {
            Opcode.LOAD: self.load,
            Opcode.STREAM: self.weights,
            Opcode.GEMM: self.array,
            Opcode.DRAIN: self.post,
            Opcode.SWEEP: self.post,
        }
        m.submodules.register = register = StreamRegister(checked)
        connect(m, flipped(self.i), register.i)
        now = register.o
        opcode = data.View(instruction_layout(Instruction), now.payload.instruction).opcode
        index, at_end = Signal(INDEX_BITS), Signal()
        m.d.sync += at_end.eq(index == self.length)  # known when the register has the next instruction
        m.d.sync += [self.stop.valid.eq(0), self.stop.index.eq(index)]
        run = Signal()
        m.d.comb += run.eq(self.run & ~self.stop.valid)

        # The queues are far away: what is offered to one of them comes out of a register.
        outputs = (self.load, self.array, self.post, self.weights)
        offered, taken = Signal(), Signal()
        m.d.comb += [
            offered.eq(Cat(queue.valid for queue in outputs).any()),
            taken.eq(Cat(queue.valid & queue.ready for queue in outputs).any()),
            now.ready.eq(taken),
        ]
        for queue in outputs:
            m.d.comb += [queue.payload.instruction.eq(now.payload.instruction), queue.payload.index.eq(index)]
            with m.If(queue.ready):
                m.d.sync += queue.valid.eq(0)
        with m.If(taken):
            m.d.comb += self.dispatched.eq(1)
            m.d.sync += index.eq(index + 1)

        with m.If(run & at_end):
            m.d.sync += [self.stop.valid.eq(1), self.stop.code.eq(ErrorCode.NO_HALT), self.stop.addr.eq(0)]
        with m.Elif(run & now.valid & (now.payload.code != ErrorCode.NONE)):
            m.d.sync += [
                self.stop.valid.eq(1),
                self.stop.code.eq(now.payload.code),
                self.stop.addr.eq(now.payload.addr),
            ]
        with m.Elif(run & now.valid & ~offered), m.Switch(opcode):
            with m.Case(Opcode.HALT):
                m.d.sync += [self.stop.valid.eq(1), self.stop.code.eq(ErrorCode.NONE)]
                m.d.comb += self.dispatched.eq(1)
            for code, queue in queues.items():
                with m.Case(code):
                    m.d.sync += queue.valid.eq(1)
        return m
