"""The machine that runs the microprogram."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.config import AcceleratorConfig
from hw.layouts import INSTRUCTION
from hw.memory.collisions import NO_COLLISIONS
from hw.post.serial.fields import fields_of_instruction, flags_of_instruction, table_of_instruction
from hw.post.serial.memory_map import RECORD_WORDS, TABLE_WORDS, MemoryMap
from hw.post.serial.microcode import (
    ADDRESS_BITS,
    SUM_BITS,
    VALUE_BITS,
    Access,
    Action,
    Alu,
    Condition,
    Field,
    Register,
    Source,
    microinstruction,
)
from hw.post.serial.program import microprogram

__all__ = ["Machine"]

_FACTOR_BITS = 18
_SHIFT_BITS = 6
_LOOP_BITS = 6
_SUBTRACTING = (Alu.SUBTRACT, Alu.COMPARE, Alu.COMPARE_ROOT, Alu.DIVIDE, Alu.ROOT)
_NOTING = (Alu.ADD, Alu.SUBTRACT, Alu.COMPARE, Alu.COMPARE_ROOT, Alu.TEST)
_SUM_HIGH = 29  # bits of a sum in the statistics
_SQUARES_HIGH = 44


class Machine(wiring.Component):
    """A and its helpers, pointers, and the sequence of microinstructions.

    Throughput: one microinstruction a cycle; those that shift or multiply repeat themselves.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    instruction : In(INSTRUCTION)
        Valid until ``done``.
    available : In(1)
        There is an instruction.
    done : Out(1)
        Pulse: it is complete.
    memory_en, memory_write : Out(1), memory_addr : Out(range(depth)), memory_i : In(16), memory_o : Out(16)
    bank_full : In(1), bank_free : Out(1)
        The oldest full bank is there; it is not needed any more.
    acc_en : Out(1), acc_row : Out(range(acc_depth)), acc_chunk : Out(range(cols)), acc_data : In(signed(32))
    store : Out(1), store_addr : Out(16), store_data : Out(8)
        A byte of the scratchpad.
    push, push_last : Out(1), push_data : Out(32), accepted : In(1)
        A value to memory.
    written : In(1)
        All values up to the last are in memory; falls with ``done``.
    waits_instruction, waits_bank, waits_memory : Out(1)
        What a cycle was lost to, if it was.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config, self._map = config, MemoryMap(config)
        super().__init__(
            {
                "instruction": In(INSTRUCTION),
                "available": In(1),
                "done": Out(1),
                "memory_en": Out(1),
                "memory_write": Out(1),
                "memory_addr": Out(range(self._map.depth)),
                "memory_i": In(VALUE_BITS),
                "memory_o": Out(VALUE_BITS),
                "bank_full": In(1),
                "bank_free": Out(1),
                "acc_en": Out(1),
                "acc_row": Out(range(config.acc_depth)),
                "acc_chunk": Out(range(config.cols)),
                "acc_data": In(signed(32)),
                "store": Out(1),
                "store_addr": Out(VALUE_BITS),
                "store_data": Out(8),
                "push": Out(1),
                "push_last": Out(1),
                "push_data": Out(32),
                "accepted": In(1),
                "written": In(1),
                "waits_instruction": Out(1),
                "waits_bank": Out(1),
                "waits_memory": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        now = Signal(microinstruction)
        registers = _Registers()
        bus = self._bus(m, now, registers)
        repeats = self._arithmetic(m, now, registers, bus)
        self._pointers(m, now, registers, bus)
        self._memory(m, now, registers)
        self._sequence(m, now, registers, repeats)
        self._outside(m, now, registers, bus)
        return m

    def _bus(self, m: Module, now: Any, r: "_Registers") -> Any:
        """What the source puts on the bus."""
        a, bus, field, slice_of_a = r.a, Signal(VALUE_BITS), Signal(VALUE_BITS), Signal(VALUE_BITS)
        memory = self.memory_i
        fields = fields_of_instruction(self.instruction) | {
            Field.ACCUMULATOR_LOW: self.acc_data[:VALUE_BITS],
            Field.ACCUMULATOR_HIGH: self.acc_data[VALUE_BITS:],
            Field.TABLE_ENTRY: memory.word_select(a[0], 8),
        }
        with m.Switch(now.index):
            for number, value in fields.items():
                with m.Case(number):
                    m.d.comb += field.eq(value)
        with m.Switch(now.source):
            with m.Case(Source.A_LOW):
                m.d.comb += slice_of_a.eq(a[:VALUE_BITS])
            with m.Case(Source.A_HIGH):
                m.d.comb += slice_of_a.eq(a[VALUE_BITS:])
            with m.Case(Source.A_SUM):
                m.d.comb += slice_of_a.eq(a[VALUE_BITS:_SUM_HIGH].as_signed())
            with m.Default():
                m.d.comb += slice_of_a.eq(a[2 * VALUE_BITS : _SQUARES_HIGH])
        with m.Switch(now.source):
            with m.Case(Source.MEMORY):
                m.d.comb += bus.eq(memory)
            with m.Case(Source.IMMEDIATE):
                m.d.comb += bus.eq(now.as_value())
            with m.Case(Source.FIELD):
                m.d.comb += bus.eq(field)
            with m.Case(Source.COUNT):
                m.d.comb += bus.eq(r.k)
            with m.Default():
                m.d.comb += bus.eq(slice_of_a)
        return bus

    def _arithmetic(self, m: Module, now: Any, r: "_Registers", bus: Any) -> Any:
        """A, B, M, C and L. Return whether the microinstruction repeats itself."""
        alu, sign = now.alu, bus[-1]
        multiplies = (alu == Alu.MULTIPLY) | (alu == Alu.MULTIPLY_UNSIGNED)
        shifts = (multiplies | (alu == Alu.SHIFT)) & (r.c != 0)
        loops = now.condition == Condition.LOOP
        minus_last = (alu == Alu.MULTIPLY) & (r.l == 1)
        subtracts, doubles, carry = Signal(), Signal(), Signal()
        adds = Signal()
        m.d.comb += [
            doubles.eq(Cat(alu == k for k in (Alu.DOUBLE, Alu.DOUBLE_QUOTIENT, Alu.DOUBLE_RADICAND)).any()),
            adds.eq((alu == Alu.ADD) | (multiplies & r.m[0] & ~minus_last)),
            subtracts.eq(Cat(alu == k for k in _SUBTRACTING).any() | (multiplies & r.m[0] & minus_last)),
        ]
        with m.Switch(alu):
            with m.Case(Alu.ROUND):
                m.d.comb += carry.eq(r.last_bit)
            with m.Case(Alu.DOUBLE_QUOTIENT):
                m.d.comb += carry.eq(r.not_negative)
            with m.Case(Alu.DOUBLE_RADICAND):
                m.d.comb += carry.eq(r.m[VALUE_BITS - 1])
            with m.Case(Alu.INCREMENT):
                m.d.comb += carry.eq(1)
            with m.Default():
                m.d.comb += carry.eq(subtracts & (alu != Alu.COMPARE_ROOT) & (alu != Alu.ROOT))

        operand, total = Signal(SUM_BITS), Signal(SUM_BITS)
        m.d.comb += [
            operand.eq(
                ((r.a ^ r.b) & doubles.replicate(SUM_BITS))
                ^ (r.b & (adds | subtracts | doubles).replicate(SUM_BITS))
                ^ subtracts.replicate(SUM_BITS)
            ),
            total.eq(r.a + operand + carry),
        ]
        with m.If(Cat(alu == k for k in _NOTING).any()):
            m.d.sync += r.not_negative.eq(~total[-1])
        writes = Signal()
        with m.Switch(alu):
            with m.Case(Alu.HOLD, Alu.COMPARE, Alu.COMPARE_ROOT, Alu.TEST):
                m.d.comb += writes.eq(0)
            with m.Case(Alu.DIVIDE, Alu.ROOT):
                m.d.comb += writes.eq(r.not_negative)
            with m.Default():
                m.d.comb += writes.eq(1)
        with m.If(writes):
            m.d.sync += r.a.eq(Mux(shifts, Cat(total[1:], total[-1]), total))
        with m.If(alu == Alu.CLEAR):
            m.d.sync += r.a.eq(0)
        with m.If(shifts):
            m.d.sync += [r.last_bit.eq(total[0]), r.c.eq(r.c - 1)]

        high = SUM_BITS - 2 * VALUE_BITS
        b_left = (now.action == Action.B_LEFT) | (alu == Alu.ROOT) | (multiplies & (r.c == 0))
        with m.If(b_left):
            m.d.sync += r.b.eq(Cat(0, r.b[:-1]))
            m.d.sync += r.b[2].eq(r.b[1] | ((alu == Alu.ROOT) & r.not_negative))
        with m.Switch(now.destination):
            with m.Case(Register.B_LOW):
                m.d.sync += r.b.eq(bus.as_signed())
            with m.Case(Register.B_HIGH):
                m.d.sync += r.b[VALUE_BITS:].eq(bus.as_signed())
            with m.Case(Register.B_TOP):
                m.d.sync += r.b[2 * VALUE_BITS :].eq(Cat(bus, sign.replicate(high - VALUE_BITS)))
            with m.Case(Register.C):
                m.d.sync += [r.c.eq(bus), r.last_bit.eq(0), r.l.eq(_FACTOR_BITS)]
            with m.Case(Register.L):
                m.d.sync += r.l.eq(bus)

        with m.If(multiplies):
            m.d.sync += r.m.eq(r.m >> 1)
        with m.If(alu == Alu.DOUBLE_RADICAND):
            m.d.sync += r.m.eq(r.m << 1)
        with m.If(now.destination == Register.M_LOW):
            m.d.sync += r.m.eq(bus.as_signed())
        with m.If(now.destination == Register.M_HIGH):
            m.d.sync += r.m[VALUE_BITS:].eq(bus)
        with m.If(multiplies | loops):
            m.d.sync += r.l.eq(r.l - 1)

        m.d.comb += r.loops_on.eq(r.l > 1)
        return (multiplies & r.loops_on) | ((alu == Alu.SHIFT) & (r.c > 1))

    def _pointers(self, m: Module, now: Any, r: "_Registers", bus: Any) -> None:
        columns = flags_of_instruction(self.instruction)[Condition.COLUMN_RECORDS]
        next_value = now.action == Action.NEXT_VALUE
        with m.If(next_value & columns):
            m.d.sync += r.p.eq(r.p + RECORD_WORDS)
        with m.If(now.action == Action.NEXT_VECTOR):
            m.d.sync += r.v.eq(r.v + 1)
        with m.If((now.action == Action.NEXT_RESULT) | (now.action == Action.STORE)):
            m.d.sync += r.s.eq(r.s + 1)
        down = next_value | (now.action == Action.COUNT_DOWN)
        with m.If(down | (now.action == Action.COUNT_UP)):
            m.d.sync += r.k.eq(r.k + Mux(down, -1, 1))
        for destination, register in (
            (Register.P, r.p),
            (Register.V, r.v),
            (Register.S, r.s),
            (Register.K, r.k),
        ):
            with m.If(now.destination == destination):
                m.d.sync += register.eq(bus)

        with m.If(next_value):
            m.d.sync += self.acc_chunk.eq(self.acc_chunk + 1)
        with m.If(now.action == Action.NEXT_ROW):
            m.d.sync += [self.acc_chunk.eq(0), self.acc_row.eq(self.acc_row + 1)]
        with m.If(now.action == Action.FIRST_ROW):
            m.d.sync += [self.acc_chunk.eq(0), self.acc_row.eq(0)]

    def _memory(self, m: Module, now: Any, r: "_Registers") -> None:
        index_bits = (TABLE_WORDS - 1).bit_length()
        table = self._map.tables + (table_of_instruction(self.instruction) << index_bits)
        m.d.comb += [
            self.memory_en.eq(now.access != Access.NONE),
            self.memory_write.eq(now.access >= Access.WRITE_LOCAL),
        ]
        with m.Switch(now.access):
            with m.Case(Access.READ_LOCAL, Access.WRITE_LOCAL):
                m.d.comb += self.memory_addr.eq(self._map.locals | now.index)
            with m.Case(Access.READ_RECORD, Access.WRITE_RECORD):
                m.d.comb += self.memory_addr.eq(r.p | now.index)
            with m.Case(Access.READ_TABLE):
                m.d.comb += self.memory_addr.eq(table | r.a[1 : index_bits + 1])
            with m.Case(Access.WRITE_RESULT):
                m.d.comb += self.memory_addr.eq(r.s)
            with m.Default():
                m.d.comb += self.memory_addr.eq(r.v)

    def _sequence(self, m: Module, now: Any, r: "_Registers", repeats: Any) -> None:
        program = microprogram(self._config)
        m.submodules.program = memory = Memory(
            shape=len(now.as_value()), depth=len(program), init=program, attrs=NO_COLLISIONS
        )
        fetch = memory.read_port()
        m.d.comb += now.eq(fetch.data)

        met = Signal()
        upper = r.a[_FACTOR_BITS - 1 : SUM_BITS]
        conditions = {
            Condition.NEVER: 0,
            Condition.ALWAYS: 1,
            Condition.RETURN: 1,
            Condition.NOT_NEGATIVE: r.not_negative,
            Condition.OVERFLOW: upper.any() & ~upper.all(),
            Condition.LAST: r.k == 1,
            Condition.LOOP: r.loops_on,
            Condition.ODD: self.memory_i[0],
            Condition.ALIGNED: (r.s & (self._config.rows - 1)) == 0,
            Condition.INSTRUCTION: self.available,
            Condition.BANK: self.bank_full,
            Condition.ACCEPTED: self.accepted,
            Condition.WRITTEN: self.written,
        } | flags_of_instruction(self.instruction)
        with m.Switch(now.condition):
            for number, value in conditions.items():
                with m.Case(number):
                    m.d.comb += met.eq(value)
        # After a reset the memory's register holds a microinstruction for one more cycle, which must change nothing.
        started = Signal()
        m.d.sync += started.eq(1)
        with m.If(~started):
            m.d.comb += [now.access.eq(Access.NONE), now.action.eq(Action.NONE)]
        present, following, goes = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS), Signal()
        m.d.comb += [
            goes.eq((met ^ now.negate) & (now.source != Source.IMMEDIATE)),
            following.eq(present + 1),
            fetch.addr.eq(following),
        ]
        with m.If(repeats):
            m.d.comb += fetch.addr.eq(present)
        with m.Elif(goes):
            m.d.comb += fetch.addr.eq(Mux(now.condition == Condition.RETURN, r.back[0], now.target))
        with m.If(~started):
            m.d.comb += fetch.addr.eq(0)
        m.d.sync += present.eq(fetch.addr)
        with m.If(goes & now.call):
            m.d.sync += r.back.eq(Cat(following, r.back[0]))
        with m.Elif(goes & (now.condition == Condition.RETURN)):
            m.d.sync += r.back[0].eq(r.back[1])

    def _outside(self, m: Module, now: Any, r: "_Registers", bus: Any) -> None:
        action, waits = now.action, now.condition
        m.d.comb += [
            self.memory_o.eq(bus),
            self.done.eq(action == Action.DONE),
            self.bank_free.eq(action == Action.FREE),
            self.acc_en.eq(action == Action.READ_ACCUMULATOR),
            self.store.eq(action == Action.STORE),
            self.store_addr.eq(r.s),
            self.store_data.eq(r.a),
            self.push.eq((action == Action.PUSH) | (action == Action.PUSH_LAST)),
            self.push_last.eq(action == Action.PUSH_LAST),
            self.push_data.eq(r.a),
            self.waits_instruction.eq((waits == Condition.INSTRUCTION) & ~self.available),
            self.waits_bank.eq((waits == Condition.BANK) & ~self.bank_full),
            self.waits_memory.eq(
                ((waits == Condition.ACCEPTED) & ~self.accepted) | ((waits == Condition.WRITTEN) & ~self.written)
            ),
        ]


class _Registers:
    """The registers of a machine, by the names that the microprogram has for them."""

    def __init__(self) -> None:
        self.a = Signal(signed(SUM_BITS), name="a", reset_less=True)
        self.b = Signal(signed(SUM_BITS), name="b", reset_less=True)
        self.m = Signal(_FACTOR_BITS, name="m", reset_less=True)
        self.c = Signal(_SHIFT_BITS, name="c", reset_less=True)
        self.l = Signal(_LOOP_BITS, name="l", reset_less=True)
        self.p = Signal(VALUE_BITS, name="p", reset_less=True)
        self.v = Signal(VALUE_BITS, name="v", reset_less=True)
        self.s = Signal(VALUE_BITS, name="s", reset_less=True)
        self.k = Signal(VALUE_BITS, name="k", reset_less=True)
        self.last_bit = Signal(reset_less=True)  # that was shifted out of A
        self.not_negative = Signal(reset_less=True)  # the sum that was noted
        self.loops_on = Signal()
        self.back = Signal(data.ArrayLayout(ADDRESS_BITS, 2), name="back", reset_less=True)
