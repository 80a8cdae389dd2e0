"""The machine that runs the microprogram."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.memory.collisions import NO_COLLISIONS
from hw.micro.arithmetic import Arithmetic
from hw.micro.memory_map import RECORD_WORDS
from hw.micro.microcode import (
    ADDRESS_BITS,
    INDEX_BITS,
    JUMP_EXTRAS,
    VALUE_BITS,
    Access,
    Action,
    Condition,
    Local,
    Mode,
    Register,
    Source,
    jump_word,
    microinstruction,
    operate_word,
)
from hw.micro.program import microprogram
from spec.config import AcceleratorConfig

__all__ = ["Machine"]

_BYTE = 8
_OF_ROWS = (Mode.ROW_RECORDS, Mode.ROW_SCALE, Mode.RESIDUAL, Mode.SCALE, Mode.MAXIMUM, Mode.MOMENTS)
_NESTING = 3  # of subroutines


class Machine(wiring.Component):
    """Microinstructions one after the other, the arithmetic, pointers, and the bus between them and all memories.

    Throughput: one microinstruction a cycle; those that shift, multiply or stream repeat themselves.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    restart : In(1)
        The next microinstruction is the second one; the first one follows a hardware reset.
    now : Out(microinstruction)
    bus : Out(16)
    takes_weights : Out(1)
        Half of a bus word goes to the array.
    repeats : Out(1)
        The next microinstruction is the same once more.
    index : Out(8), local_read, local_write : Out(1), local : In(16)
        The register file.
    memory : In(16)
        The memory's word.
    sums : In(32)
        Of an accumulator.
    word : In(16), available : In(1), second : In(1)
        Half of a word from the bus to memory, and whether it is the second one.
    owed, failed, dead, start : In(1)
    a : Out(32)
        Low bits of A.
    p, v, s : Out(16)
    mode : Out(15)
    address : Out(11)
        Of ``now``.
    """

    restart: Signal
    now: Any
    bus: Signal
    takes_weights: Signal
    repeats: Signal
    index: Signal
    local_read: Signal
    local_write: Signal
    local: Signal
    memory: Signal
    sums: Signal
    word: Signal
    available: Signal
    second: Signal
    owed: Signal
    failed: Signal
    dead: Signal
    start: Signal
    a: Signal
    p: Signal
    v: Signal
    s: Signal
    mode: Signal
    address: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "restart": In(1),
                "now": Out(microinstruction),
                "bus": Out(VALUE_BITS),
                "takes_weights": Out(1),
                "repeats": Out(1),
                "index": Out(INDEX_BITS),
                "local_read": Out(1),
                "local_write": Out(1),
                "local": In(VALUE_BITS),
                "memory": In(VALUE_BITS),
                "sums": In(2 * VALUE_BITS),
                "word": In(VALUE_BITS),
                "available": In(1),
                "second": In(1),
                "owed": In(1),
                "failed": In(1),
                "dead": In(1),
                "start": In(1),
                "a": Out(2 * VALUE_BITS),
                "p": Out(VALUE_BITS),
                "v": Out(VALUE_BITS),
                "s": Out(VALUE_BITS),
                "mode": Out(len(Mode)),
                "address": Out(ADDRESS_BITS),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        now = self.now
        m.submodules.arithmetic = arithmetic = Arithmetic()
        m.d.comb += [arithmetic.now.eq(now), arithmetic.bus.eq(self.bus), self.a.eq(arithmetic.a)]
        with m.Switch(now.source):
            with m.Case(Source.IMMEDIATE):
                m.d.comb += arithmetic.word.eq(now.immediate)
            with m.Case(Source.LOCAL):
                m.d.comb += arithmetic.word.eq(self.local)
            with m.Default():
                m.d.comb += arithmetic.word.eq(self.memory)
        count = self._pointers(m)
        self._bus(m, arithmetic.a, count)
        self._sequence(m, arithmetic, count)

        at_s = (now.local == Local.READ_AT) | (now.local == Local.WRITE_AT)
        m.d.comb += [
            self.index.eq(Mux(at_s, self.s, now.index)),
            self.local_read.eq((now.local == Local.READ) | (now.local == Local.READ_AT)),
            self.local_write.eq((now.local == Local.WRITE) | (now.local == Local.WRITE_AT)),
        ]
        return m

    def _decode(self, m: Module, word: Any) -> None:
        now = self.now
        operates, jumps = data.View(operate_word, word), data.View(jump_word, word)
        m.d.comb += [now.source.eq(operates.source), now.destination.eq(operates.destination)]
        m.d.comb += [
            now.alu.eq(Mux(operates.jumps, jumps.alu, operates.alu)),
            now.immediate.eq(Cat(operates.index, operates.access, operates.action)),
        ]
        has_index = operates.source == Source.INDEX
        m.d.comb += now.index.eq(Mux(operates.jumps, Cat(jumps.condition, jumps.extra), operates.index))
        with m.If(operates.jumps):
            m.d.comb += [getattr(now, name).eq(getattr(jumps, name)) for name in ("target", "negate", "call")]
            m.d.comb += now.condition.eq(Mux(has_index, Condition.ALWAYS, jumps.condition))
            with m.If(~has_index), m.Switch(jumps.extra):
                for extra, (access, action, local) in JUMP_EXTRAS.items():
                    with m.Case(extra):
                        m.d.comb += [now.access.eq(access), now.action.eq(action), now.local.eq(local)]
        with m.Else():
            m.d.comb += now.local.eq(operates.local)
            with m.If(operates.source != Source.IMMEDIATE):
                m.d.comb += [now.access.eq(operates.access), now.action.eq(operates.action)]

    def _bus(self, m: Module, a: Any, count: Signal) -> None:
        """What the source puts on the bus."""
        now = self.now
        sources = {
            Source.MEMORY: self.memory,
            Source.ENTRY: self.memory.word_select(a[0], _BYTE),
            Source.LOCAL: self.local,
            Source.IMMEDIATE: now.immediate,
            Source.INDEX: now.index,
            Source.A_LOW: a[:VALUE_BITS],
            Source.A_HIGH: a[VALUE_BITS : 2 * VALUE_BITS],
            Source.A_TOP: a[2 * VALUE_BITS : 3 * VALUE_BITS],
            Source.SUM_LOW: self.sums[:VALUE_BITS],
            Source.SUM_HIGH: self.sums[VALUE_BITS:],
            Source.WORD: self.word,
            Source.COUNT: count,
        }
        with m.Switch(now.source):
            for source, value in sources.items():
                with m.Case(source):
                    m.d.comb += self.bus.eq(value)

    def _pointers(self, m: Module) -> Signal:
        """P, V, S, T and K, which is returned, and MODE."""
        now, bus = self.now, self.bus
        step, count = Signal(VALUE_BITS, reset_less=True), Signal(VALUE_BITS, reset_less=True)
        next_value = now.action == Action.NEXT_VALUE
        results = Cat(now.access == k for k in (Access.WRITE_RESULT, Access.STORE_BYTE, Access.STORE_HALF)).any()
        with m.If(next_value & ~self.mode[Mode.ROW_RECORDS] & ~self.mode[Mode.FIXED_RECORD]):
            m.d.sync += self.p.eq(self.p + RECORD_WORDS)
        with m.If((now.action == Action.NEXT_VECTOR) | (now.access >= Access.READ_OPERAND)):
            m.d.sync += self.v.eq(self.v + step)
        with m.If((now.action == Action.NEXT_RESULT) | results):
            m.d.sync += self.s.eq(self.s + Mux(now.access == Access.STORE_HALF, 2, 1))
        down = next_value | (now.action == Action.COUNT_DOWN)
        with m.If(down | (now.action == Action.COUNT_UP)):
            m.d.sync += count.eq(count + Mux(down, -1, 1))
        for destination, register in (
            (Register.P, self.p),
            (Register.V, self.v),
            (Register.S, self.s),
            (Register.K, count),
            (Register.T, step),
            (Register.MODE, self.mode),
        ):
            with m.If(now.destination == destination):
                m.d.sync += register.eq(bus)
        return count

    def _sequence(self, m: Module, arithmetic: Arithmetic, count: Signal) -> None:
        now = self.now
        program = microprogram(self._config)
        m.submodules.program = memory = Memory(
            shape=operate_word.size, depth=1 << ADDRESS_BITS, init=program, attrs=NO_COLLISIONS
        )
        fetch = memory.read_port()
        # After a hardware reset the memory's register holds any word for a cycle, which must change nothing.
        started = Signal()
        m.d.sync += started.eq(1)
        self._decode(m, fetch.data)
        with m.If(~started):
            m.d.comb += [now.local.eq(Local.NONE), now.destination.eq(Register.NONE), now.action.eq(Action.NONE)]

        # Those that repeat themselves.
        streamed = (now.action == Action.STREAMED_WEIGHTS) & arithmetic.loops_on & self.available
        turns = (streamed & self.second) | (now.access == Access.STREAM) | (now.action == Action.NO_WEIGHTS)
        m.d.comb += [
            self.takes_weights.eq(streamed),
            arithmetic.counts.eq(turns | (now.condition == Condition.LOOP)),
            self.repeats.eq(arithmetic.repeats | (turns & arithmetic.loops_on) | (streamed & ~self.second)),
        ]

        met = Signal()
        conditions = {
            Condition.NEVER: 0,
            Condition.ALWAYS: 1,
            Condition.RETURN: 1,
            Condition.NOT_LESS: arithmetic.not_less,
            Condition.NEGATIVE: arithmetic.a[-1],
            Condition.LAST: count == 1,
            Condition.LOOP: arithmetic.loops_on,
            Condition.ALIGNED: (self.s & (self._config.rows - 1)) == 0,
            Condition.START: self.start,
            Condition.WORD: self.available,
            Condition.OWED: self.owed,
            Condition.FAILED: self.failed,
            Condition.DEAD: self.dead,
            Condition.MORE: arithmetic.loops_on,
            Condition.SECOND: self.mode[Mode.RESIDUAL] | self.mode[Mode.SCALE],
            Condition.ELSEWHERE: self.mode[Mode.TABLE] | self.mode[Mode.TO_VECTOR],
            Condition.RARE: self.mode[Mode.TO_MEMORY] | self.mode[Mode.ROW_SCALE],
            Condition.PLAIN_ROWS: ~Cat(self.mode[bit] for bit in _OF_ROWS).any(),
            Condition.STATISTICS: self.mode[Mode.MAXIMUM] | self.mode[Mode.MOMENTS],
        } | {Condition[bit.name]: self.mode[bit] for bit in Mode if bit.name in Condition.__members__}
        with m.Switch(now.condition):
            for number, value in conditions.items():
                with m.Case(number):
                    m.d.comb += met.eq(value)
        # What comes late goes its own short way.
        late_conditions = {
            Condition.OVERFLOW: arithmetic.overflow,
            Condition.LONG: arithmetic.long,
            Condition.ODD: Mux(now.source == Source.LOCAL, self.local[0], self.memory[0]),
            Condition.ZERO: self.local == 0,
        }
        late = Cat((now.condition == number) & value for number, value in late_conditions.items()).any()
        present, following, goes = self.address, Signal(ADDRESS_BITS), Signal()
        back = Signal(data.ArrayLayout(ADDRESS_BITS, _NESTING), reset_less=True)
        returns = now.condition == Condition.RETURN
        stays, restarts = Signal(ADDRESS_BITS), Signal()
        m.d.comb += [
            restarts.eq(self.restart | ~started),
            following.eq(present + 1),
            stays.eq(Mux(restarts, started, Mux(self.repeats, present, following))),
            goes.eq(((met ^ now.negate) ^ late) & ~(self.repeats | restarts)),
            fetch.addr.eq(Mux(goes, Mux(returns, back[0], now.target), stays)),
        ]
        m.d.sync += present.eq(fetch.addr)
        with m.If(goes & now.call):
            m.d.sync += back.eq(Cat(following, back))
        with m.Elif(goes & returns):
            m.d.sync += back.eq(Cat(back)[ADDRESS_BITS:])
