"""The dispatcher: checked instructions, in program order, to the queues of their engines."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AXI_ADDRESS_BITS
from hw.bus.fault import INDEX_BITS, Fault
from hw.control.fetch import LENGTH_BITS
from hw.control.queued import queued
from hw.isa import ErrorCode, Instruction, Opcode
from hw.layouts import INSTRUCTION, instruction_layout

__all__ = ["Dispatcher", "checked"]

checked = data.StructLayout({"instruction": INSTRUCTION, "code": 4, "addr": AXI_ADDRESS_BITS})
"""An instruction and what the checker says of it."""


class Dispatcher(wiring.Component):
    """Hands instructions on until HALT, an instruction that breaks a rule, or the end of the program.

    Latency: 0 cycles. Throughput: one instruction per cycle. A full queue holds up those behind it.

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
        opcode = data.View(instruction_layout(Instruction), self.i.payload.instruction).opcode
        index = Signal(INDEX_BITS)
        for queue in queues.values():
            m.d.comb += [queue.payload.instruction.eq(self.i.payload.instruction), queue.payload.index.eq(index)]
        m.d.comb += self.stop.index.eq(index)

        with m.If(self.run & (index == self.length)):
            m.d.comb += [self.stop.valid.eq(1), self.stop.code.eq(ErrorCode.NO_HALT)]
        with m.Elif(self.run & self.i.valid & (self.i.payload.code != ErrorCode.NONE)):
            m.d.comb += [
                self.stop.valid.eq(1),
                self.stop.code.eq(self.i.payload.code),
                self.stop.addr.eq(self.i.payload.addr),
            ]
        with m.Elif(self.run & self.i.valid), m.Switch(opcode):
            with m.Case(Opcode.HALT):
                m.d.comb += [self.stop.valid.eq(1), self.dispatched.eq(1)]
            for code, queue in queues.items():
                with m.Case(code):
                    m.d.comb += [queue.valid.eq(1), self.dispatched.eq(queue.ready), self.i.ready.eq(queue.ready)]
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += index.eq(index + 1)
        return m
