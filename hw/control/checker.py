"""Hardware twin of :mod:`hw.check`: the same rules in the same order, operand after operand."""

import enum
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, ValueLike, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.check import load_units
from hw.config import AcceleratorConfig
from hw.isa import (
    Destination,
    Drain,
    Engine,
    ErrorCode,
    Gemm,
    Halt,
    Load,
    LoadTarget,
    Opcode,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
)
from hw.layouts import INSTRUCTION, instruction_layout

__all__ = ["Checker"]

_MEMORY_BYTES = 1 << 32
_DIGIT_BITS = 4  # of the number of rows, multiplied in one cycle

_ADDR = unsigned(32)
_ROWS = unsigned(24)  # STREAM's count
_LENGTH = unsigned(20)  # LOAD's count
_SUM = unsigned(33)  # B has the largest product: 16 bits by 16
_END = unsigned(40)  # a sum times 64 bytes


@dataclass(frozen=True, kw_only=True)
class _Operand:
    """``rows`` rows, ``stride`` words apart, of ``length`` units; a word is ``unit`` units, the memory ``size`` words.

    Nothing divides: ``ceil(length / unit)`` words fit exactly when ``length`` units fit ``size * unit``.
    """

    first: ValueLike
    size: int
    used: ValueLike = 1
    rows: ValueLike = 1
    stride: ValueLike = 0
    length: ValueLike = 1
    unit: int = 1


class Checker(wiring.Component):
    """Check instructions, one after the other, as ``check_raw`` of :mod:`hw.check` does.

    Latency: 3 cycles, and for every operand 3 and one for each 4 bits of its number of rows less one; for a DRAIN with
    all operands 24. Throughput: one instruction in latency + 1 cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        What instructions are checked against.

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        256 bits of any content.
    o : Out(stream.Signature(StructLayout({"instruction": INSTRUCTION, "code": 4, "addr": 32})))
        The same instruction, its error code (0: none) and the address of the error.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        checked = data.StructLayout({"instruction": INSTRUCTION, "code": unsigned(4), "addr": _ADDR})
        super().__init__({"i": In(stream.Signature(INSTRUCTION)), "o": Out(stream.Signature(checked))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        instruction = Signal(INSTRUCTION)
        halt, load, stream_, gemm, drain, sweep = (
            data.View(instruction_layout(cls), instruction) for cls in (Halt, Load, Stream, Gemm, Drain, Sweep)
        )
        fields_legal = {
            Opcode.HALT: _tokens_legal(halt, None),
            Opcode.LOAD: _tokens_legal(load, Load.engine) & self._load_legal(load),
            Opcode.STREAM: _tokens_legal(stream_, None) & self._stream_legal(stream_),
            Opcode.GEMM: _tokens_legal(gemm, Gemm.engine) & self._gemm_legal(gemm),
            Opcode.DRAIN: _tokens_legal(drain, Drain.engine) & self._drain_legal(drain),
            Opcode.SWEEP: _tokens_legal(sweep, Sweep.engine) & self._sweep_legal(sweep),
        }
        operands = {
            Opcode.HALT: [],
            Opcode.LOAD: self._load_operands(load),
            Opcode.STREAM: [self._memory(stream_.mem_addr, stream_.count, self._config.rows)],
            Opcode.GEMM: self._gemm_operands(gemm),
            Opcode.DRAIN: self._drain_operands(drain),
            Opcode.SWEEP: self._sweep_operands(sweep),
        }

        code, addr = Signal(ErrorCode), Signal(_ADDR)
        waiting = Signal(max(len(listed) for listed in operands.values()))
        rows_left, stride, length = Signal(_ROWS), Signal(_SUM), Signal(_LENGTH)
        unit, limit = Signal(range(1 + max(self._config.rows, self._config.lanes))), Signal(range(_MEMORY_BYTES + 1))
        total, end, scaled = Signal(_SUM), Signal(_END), Signal(_END)

        m.d.comb += [
            self.o.payload.instruction.eq(instruction),
            self.o.payload.code.eq(code),
            self.o.payload.addr.eq(Mux(code == ErrorCode.OUT_OF_RANGE, addr, 0)),
        ]
        with m.Switch(unit):
            for factor in sorted({1, self._config.rows, self._config.lanes}):
                with m.Case(factor):
                    m.d.comb += scaled.eq(_times(total, factor))

        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [instruction.eq(self.i.payload), code.eq(ErrorCode.NONE)]
                with m.If(self.i.valid):
                    m.next = "FIELDS"
            with m.State("FIELDS"), m.Switch(halt.opcode):
                for opcode, legal in fields_legal.items():
                    with m.Case(opcode):
                        m.d.sync += waiting.eq(Cat(operand.used for operand in operands[opcode]))
                        with m.If(legal):
                            m.next = "SELECT"
                        with m.Else():
                            m.d.sync += code.eq(ErrorCode.ILLEGAL_FIELD)
                            m.next = "GIVE"
                with m.Default():
                    m.d.sync += code.eq(ErrorCode.ILLEGAL_OPCODE)
                    m.next = "GIVE"
            with m.State("SELECT"):
                m.d.sync += waiting.eq(waiting & (waiting - 1))
                with m.Switch(halt.opcode):
                    for opcode, listed in operands.items():
                        with m.Case(opcode):
                            # Of several assignments the last one holds: that of the first operand that waits.
                            for place, operand in reversed(list(enumerate(listed))):
                                with m.If(waiting[place]):
                                    m.d.sync += [
                                        addr.eq(operand.first),
                                        total.eq(operand.first),
                                        rows_left.eq(operand.rows - 1),
                                        stride.eq(operand.stride),
                                        length.eq(operand.length),
                                        unit.eq(operand.unit),
                                        limit.eq(operand.size * operand.unit),
                                    ]
                with m.If(waiting.any()):
                    m.next = "MULTIPLY"
                with m.Else():
                    m.next = "GIVE"
            with m.State("MULTIPLY"):
                product: Any = total
                for bit in range(_DIGIT_BITS):
                    product = product + Mux(rows_left[bit], stride << bit, 0)
                m.d.sync += [
                    total.eq(product),
                    stride.eq(stride << _DIGIT_BITS),
                    rows_left.eq(rows_left >> _DIGIT_BITS),
                    end.eq(scaled + length),
                ]
                with m.If(rows_left == 0):
                    m.next = "COMPARE"
            with m.State("COMPARE"):
                with m.If(end > limit):
                    m.d.sync += code.eq(ErrorCode.OUT_OF_RANGE)
                    m.next = "GIVE"
                with m.Else():
                    m.next = "SELECT"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "TAKE"
        return m

    def _rows_legal(self, rows: Any) -> Any:
        return (rows > 0) & (rows <= self._config.acc_depth)

    def _aligned(self, mem_addr: Any) -> Any:
        return (mem_addr & (self._config.bus_bytes - 1)) == 0

    def _load_legal(self, load: Any) -> Any:
        return _exists(LoadTarget, load.target) & (load.count > 0) & self._aligned(load.mem_addr)

    def _stream_legal(self, stream_: Any) -> Any:
        return (stream_.count > 0) & self._aligned(stream_.mem_addr)

    def _gemm_legal(self, gemm: Any) -> Any:
        whole_banks = gemm.clear & gemm.release
        return (
            self._rows_legal(gemm.m) & (gemm.n > 0) & (gemm.k_tiles > 0) & ((gemm.n <= self._config.cols) | whole_banks)
        )

    def _drain_legal(self, drain: Any) -> Any:
        int16_result = (drain.dest == Destination.VECTOR) & ~drain.table_enable
        starts_row_unit = (drain.stats == Stats.MOMENTS) & drain.stats_last
        return (
            self._rows_legal(drain.m)
            & (drain.n > 0)
            & _exists(Destination, drain.dest)
            & _exists(ParamMode, drain.param_mode)
            & _exists(SecondStage, drain.second)
            & _exists(Stats, drain.stats)
            & ((drain.dest != Destination.MEMORY) | self._aligned(drain.dest_addr))
            & ((drain.stats == Stats.NONE) | int16_result)
            & (~starts_row_unit | (drain.row_length > 0))
        )

    def _sweep_legal(self, sweep: Any) -> Any:
        byte_exists = (sweep.src_lane < self._config.lanes) & (sweep.dest_byte < self._config.rows)
        return (
            self._rows_legal(sweep.m)
            & (sweep.n > 0)
            & _exists(SweepKind, sweep.kind)
            & ((sweep.kind != SweepKind.MOMENTS) | (sweep.row_length > 0))
            & ((sweep.kind != SweepKind.GATHER) | ((sweep.n == 1) & byte_exists))
        )

    def _load_operands(self, load: Any) -> list[_Operand]:
        targets, memories = [], []
        for target in LoadTarget:
            size, unit_bytes = load_units(self._config, target)
            used = load.target == target
            targets.append(_Operand(used=used, first=load.addr, length=load.count, size=size))
            memories.append(self._memory(load.mem_addr, load.count, unit_bytes, used=used))
        return targets + memories

    def _gemm_operands(self, gemm: Any) -> list[_Operand]:
        size = self._config.scratchpad_words
        return [
            _Operand(first=gemm.a_addr, rows=gemm.m, stride=gemm.a_stride, length=gemm.k_tiles, size=size),
            _Operand(
                used=gemm.b_scratchpad,
                first=gemm.b_addr,
                rows=gemm.n,
                stride=gemm.b_stride,
                length=gemm.k_tiles,
                size=size,
            ),
        ]

    def _drain_operands(self, drain: Any) -> list[_Operand]:
        m, n = drain.m, drain.n
        dest, mode, param_words = drain.dest, drain.param_mode, self._config.param_words
        return [
            self._scratchpad(drain.dest_addr, m, drain.dest_stride, n, used=dest == Destination.SCRATCHPAD),
            self._vector(drain.dest_addr, m, drain.dest_stride, n, used=dest == Destination.VECTOR),
            self._memory(drain.dest_addr, m, (n + (self._config.lanes - 1)) << 2, used=dest == Destination.MEMORY),
            self._params(drain.param_addr, n, used=mode == ParamMode.COLUMN),
            _Operand(used=mode == ParamMode.ROW, first=drain.param_addr, length=m, size=param_words),
            _Operand(used=mode == ParamMode.FIXED, first=drain.param_addr, size=param_words),
            self._vector(drain.res_addr, m, drain.res_stride, n, used=drain.second == SecondStage.RESIDUAL),
            self._table(drain.table, used=drain.table_enable),
            self._statistics(drain.stats_addr, m, used=(drain.stats != Stats.NONE) | drain.row_scale),
        ]

    def _sweep_operands(self, sweep: Any) -> list[_Operand]:
        m, n, kind = sweep.m, sweep.n, sweep.kind
        scales = (kind == SweepKind.LAYERNORM) | (kind == SweepKind.GATHER)
        return [
            self._vector(sweep.src_addr, m, sweep.src_stride, n, used=1),
            self._scratchpad(sweep.dest_addr, m, sweep.dest_stride, n, used=kind != SweepKind.MOMENTS),
            self._params(sweep.param_addr, n, used=scales),
            self._table(sweep.table, used=kind == SweepKind.SOFTMAX),
            self._statistics(sweep.stats_addr, m, used=1),
        ]

    def _scratchpad(self, first: Any, rows: Any, stride: Any, values: Any, *, used: ValueLike) -> _Operand:
        size, unit = self._config.scratchpad_words, self._config.rows
        return _Operand(used=used, first=first, rows=rows, stride=stride, length=values, unit=unit, size=size)

    def _vector(self, first: Any, rows: Any, stride: Any, values: Any, *, used: ValueLike) -> _Operand:
        size, unit = self._config.vector_words, self._config.lanes
        return _Operand(used=used, first=first, rows=rows, stride=stride, length=values, unit=unit, size=size)

    def _params(self, first: Any, values: Any, *, used: ValueLike) -> _Operand:
        size, unit = self._config.param_words, self._config.lanes
        return _Operand(used=used, first=first, length=values, unit=unit, size=size)

    def _table(self, table: Any, *, used: ValueLike) -> _Operand:
        return _Operand(used=used, first=table, size=self._config.tables)

    def _statistics(self, first: Any, rows: Any, *, used: ValueLike) -> _Operand:
        return _Operand(used=used, first=first, length=rows, size=self._config.acc_depth)

    def _memory(self, first: Any, rows: Any, row_bytes: ValueLike, *, used: ValueLike = 1) -> _Operand:
        return _Operand(used=used, first=first, rows=rows, stride=row_bytes, length=row_bytes, size=_MEMORY_BYTES)


def _tokens_legal(view: Any, engine: Engine | None) -> Any:
    forbidden = 0b111 if engine is None else 1 << engine
    return ((view.wait | view.signal) & forbidden) == 0


def _exists(kind: type[enum.IntEnum], value: Any) -> Any:
    return value < len(kind)


def _times(value: Any, factor: int) -> Any:
    """Multiply by a constant, without a multiplier block."""
    return sum((value << bit for bit in range(factor.bit_length()) if factor >> bit & 1), Const(0))
