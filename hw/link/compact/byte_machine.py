"""A processor of bytes."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.link.compact.byte_code import PROGRAM_WORDS, Action, ByteCode, Function, Source, jump, operation
from hw.link.compact.byte_code import outside as outside_layout

__all__ = ["ByteMachine"]

_BYTE_BITS = 8


class ByteMachine(wiring.Component):
    """Accumulator, index, two flags, two pages of memory, and a program.

    Latency: an instruction takes 2 cycles, or more while ``wait``. A program memory that reads as zeros, as those of an
    iCE40 do right after configuration, keeps the machine at the beginning.

    Parameters
    ----------
    code : ByteCode
        Program, and what memory holds at first.

    Members
    -------
    a : Out(8)
        Accumulator.
    index : Out(8)
    source : Out(Source)
        What ``operand`` must be in the same cycle.
    operand : In(8)
    action : Out(Action)
        Done with the end of the first cycle without ``wait``.
    wait : In(1)
    """

    a: Any
    index: Any
    source: Any
    operand: Any
    action: Any
    wait: Any

    def __init__(self, code: ByteCode) -> None:
        self._code = code
        super().__init__(
            {
                "a": Out(_BYTE_BITS),
                "index": Out(_BYTE_BITS),
                "source": Out(range(len(Source))),
                "operand": In(_BYTE_BITS),
                "action": Out(range(len(Action))),
                "wait": In(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        words, content = self._code.words(), self._code.memory()
        m.submodules.program = program = Memory(shape=operation.size, depth=PROGRAM_WORDS, init=words)
        m.submodules.memory = memory = Memory(shape=_BYTE_BITS, depth=len(content), init=content)
        fetch, read, write = program.read_port(), memory.read_port(), memory.write_port()
        jumps, operates = data.View(jump, fetch.data), data.View(operation, fetch.data)
        outside = data.View(outside_layout, operates.operand)

        # In the first cycle of an instruction its operand is read; in the second it is done and the next one fetched.
        second, done = Signal(), Signal()
        m.d.comb += done.eq(second & ~self.wait)
        m.d.sync += second.eq(~done)

        zero, carry = Signal(), Signal()
        met, taken = Signal(), Signal()
        following, caller, target = (
            Signal(range(PROGRAM_WORDS), name=name) for name in ("following", "caller", "target")
        )
        m.d.comb += [
            met.eq(~jumps.conditional | (Mux(jumps.carry, carry, zero) ^ jumps.unless)),
            taken.eq(met & ~jumps.operates),
            target.eq(Mux(jumps.returns, caller, jumps.target)),
            fetch.addr.eq(Mux(taken, target, following)),
            fetch.en.eq(done),
        ]
        with m.If(~second):
            m.d.sync += following.eq(following + 1)
        with m.If(done):
            m.d.sync += following.eq(fetch.addr)
            with m.If(jumps.calls & ~jumps.operates):
                m.d.sync += caller.eq(following)

        named = ~operates.indexed | operates.operand[0]
        m.d.comb += [
            read.addr.eq(Cat(Mux(operates.indexed, self.index, operates.operand), named)),
            read.en.eq(~second),
            write.addr.eq(read.addr),
            write.data.eq(self.a),
            write.en.eq(second & operates.operates & operates.stores),
        ]

        a, b = Signal(_BYTE_BITS), Signal(_BYTE_BITS)
        subtracts, total, result = Signal(), Signal(_BYTE_BITS + 1), Signal(_BYTE_BITS)
        m.d.comb += [
            subtracts.eq(operates.function == Function.SUBTRACT),
            a.eq(Mux(operates.function == Function.LOAD, 0, self.a)),
            b.eq(Mux(operates.outside, self.operand, read.data) ^ subtracts.replicate(_BYTE_BITS)),
            total.eq((Cat(subtracts, a) + Cat(subtracts, b))[1:]),
            result.eq(Mux(operates.function == Function.AND, a & b, total)),
        ]
        with m.If(done & operates.operates):
            with m.If(~operates.stores):
                m.d.sync += zero.eq(result == 0)
            with m.If(~operates.stores & ((operates.function == Function.ADD) | subtracts)):
                m.d.sync += carry.eq(total[-1])
            with m.If(operates.loads):
                m.d.sync += self.a.eq(result)
        to_index = Signal()
        m.d.comb += to_index.eq(operates.outside & outside.to_index)
        with m.If(done & operates.operates & (operates.counts | to_index)):
            m.d.sync += self.index.eq(Mux(to_index, self.a, self.index + 1))

        m.d.comb += self.source.eq(outside.source)
        with m.If(second & operates.operates & operates.outside):
            m.d.comb += self.action.eq(outside.action)
        return m
