"""The rules that every instruction must obey before it may start; software twin of the hardware's Checker.

Fields come first: an instruction with an impossible one is an ILLEGAL_FIELD, with address 0. Then come the operands, in
the order of this table: the first whose last word is beyond its memory is OUT_OF_RANGE, with its first word as address.
Sums and products are exact; nothing wraps. Fields and operands that an instruction does not use may have any value, and
so may reserved bits. A DRAIN to memory uses what `second`, `table_enable` and `row_scale` ask for, as any other.

| opcode | legal fields |
|---|---|
| all | no bit of the instruction's own engine in `wait` and `signal`; HALT and STREAM: no bit at all |
| LOAD | `target` exists; `count` > 0; `mem_addr` is a multiple of `bus_bytes` |
| STREAM | `count` > 0; `mem_addr` is a multiple of `bus_bytes` |
| GEMM | 0 < `m` <= `acc_depth`; `n` > 0; `k_tiles` > 0; `n` <= `cols`, or both `clear` and `release` |
| DRAIN | 0 < `m` <= `acc_depth`; `n` > 0; `dest`, `param_mode`, `second` and `stats` exist; to memory: `dest_addr` is a multiple of `bus_bytes`; with `stats`: to VECTOR and without table; MOMENTS with `stats_last`: `row_length` > 0 |
| SWEEP | 0 < `m` <= `acc_depth`; `n` > 0; MOMENTS: `row_length` > 0; GATHER: `n` = 1, `src_lane` < `lanes` and `dest_byte` < `rows` |

| opcode | operand | what it takes | must fit |
|---|---|---|---|
| LOAD | target | `count` units from `addr` | the target's units |
| LOAD | memory | as many bytes from `mem_addr` | 2^32 bytes |
| STREAM | memory | `count` words of `rows` bytes from `mem_addr` | 2^32 bytes |
| GEMM | A | `m` rows of `k_tiles` words from `a_addr` | scratchpad |
| GEMM | B, if `b_scratchpad` | `n` rows of `k_tiles` words from `b_addr` | scratchpad |
| DRAIN | destination | `m` rows of `n` values from `dest_addr`; to memory, `m` dense rows of `n + lanes - 1` int32 | scratchpad, vector memory or 2^32 bytes |
| DRAIN | parameters | COLUMN: `n` values, ROW: `m` words, FIXED: one word, from `param_addr` | params |
| DRAIN | residual, if RESIDUAL | `m` rows of `n` values from `res_addr` | vector memory |
| DRAIN | table, if `table_enable` | table `table` | `tables` |
| DRAIN | statistics, if `stats` or `row_scale` | `m` rows from `stats_addr` | `acc_depth` |
| SWEEP | source | `m` rows of `n` values from `src_addr` | vector memory |
| SWEEP | destination, but for MOMENTS | `m` rows of `n` values from `dest_addr` | scratchpad |
| SWEEP | parameters, if LAYERNORM or GATHER | `n` values from `param_addr` | params |
| SWEEP | table, if SOFTMAX | table `table` | `tables` |
| SWEEP | statistics | `m` rows from `stats_addr` | `acc_depth` |
"""  # noqa: E501  # Markdown tables for docs/isa.md

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from spec.config import AcceleratorConfig
from spec.isa import (
    TABLE_ENTRIES,
    Destination,
    Drain,
    ErrorCode,
    Gemm,
    Instruction,
    Load,
    LoadTarget,
    Opcode,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
    decode,
)

__all__ = ["check", "check_raw", "load_units"]

_MEMORY_BYTES = 1 << 32
_PARAM_BYTES = 8
_TABLE_GROUP_BYTES = 8


def check_raw(config: AcceleratorConfig, data: bytes) -> tuple[ErrorCode, int]:
    """Check the 32 bytes of an instruction, of any content.

    Returns
    -------
    ErrorCode, int
        As :func:`check`, or ILLEGAL_OPCODE and 0.
    """
    if data[0] & 15 not in {int(code) for code in Opcode}:
        return ErrorCode.ILLEGAL_OPCODE, 0
    return check(config, decode(data))


def check(config: AcceleratorConfig, instruction: Instruction) -> tuple[ErrorCode, int]:
    """Check an instruction whose fields fit their widths.

    Returns
    -------
    ErrorCode, int
        NONE, ILLEGAL_FIELD or OUT_OF_RANGE, and the address that the error registers show.
    """
    if not (_tokens_legal(instruction) and _fields_legal(config, instruction)):
        return ErrorCode.ILLEGAL_FIELD, 0
    for operand in _operands(config, instruction):
        if operand.last >= operand.size:
            return ErrorCode.OUT_OF_RANGE, operand.first
    return ErrorCode.NONE, 0


def load_units(config: AcceleratorConfig, target: LoadTarget) -> tuple[int, int]:
    """Return how many units a LOAD's target holds and how many bytes of memory one unit takes."""
    return {
        LoadTarget.SCRATCHPAD: (config.scratchpad_words, config.rows),
        LoadTarget.VECTOR: (config.vector_words, 2 * config.lanes),
        LoadTarget.PARAM: (config.param_words, _PARAM_BYTES * config.lanes),
        LoadTarget.PARAM_BROADCAST: (config.param_words, _PARAM_BYTES),
        LoadTarget.TABLE: (config.tables * TABLE_ENTRIES // _TABLE_GROUP_BYTES, _TABLE_GROUP_BYTES),
    }[target]


@dataclass(frozen=True, kw_only=True)
class _Operand:
    """``rows`` groups of ``words`` words, ``stride`` apart, in a memory of ``size`` words."""

    first: int
    size: int
    rows: int = 1
    stride: int = 0
    words: int = 1

    @property
    def last(self) -> int:
        return self.first + (self.rows - 1) * self.stride + self.words - 1


def _tokens_legal(instruction: Instruction) -> bool:
    """Engines do not wait for or signal themselves; what has no engine takes no part in tokens."""
    engine = instruction.engine
    forbidden = 0b111 if engine is None else 1 << engine
    return not (instruction.wait | instruction.signal) & forbidden


def _fields_legal(config: AcceleratorConfig, instruction: Instruction) -> bool:
    match instruction:
        case Load():
            return (
                _exists(LoadTarget, instruction.target)
                and instruction.count > 0
                and instruction.mem_addr % config.bus_bytes == 0
            )
        case Stream():
            return instruction.count > 0 and instruction.mem_addr % config.bus_bytes == 0
        case Gemm():
            return _gemm_legal(config, instruction)
        case Drain():
            return _drain_legal(config, instruction)
        case Sweep():
            return _sweep_legal(config, instruction)
    return True


def _gemm_legal(config: AcceleratorConfig, gemm: Gemm) -> bool:
    whole_banks = gemm.clear and gemm.release
    return (
        1 <= gemm.m <= config.acc_depth
        and gemm.n > 0
        and gemm.k_tiles > 0
        and bool(gemm.n <= config.cols or whole_banks)
    )


def _drain_legal(config: AcceleratorConfig, drain: Drain) -> bool:
    int16_result = drain.dest == Destination.VECTOR and not drain.table_enable
    starts_row_unit = drain.stats == Stats.MOMENTS and drain.stats_last
    return (
        1 <= drain.m <= config.acc_depth
        and drain.n > 0
        and _exists(Destination, drain.dest)
        and _exists(ParamMode, drain.param_mode)
        and _exists(SecondStage, drain.second)
        and _exists(Stats, drain.stats)
        and (drain.dest != Destination.MEMORY or drain.dest_addr % config.bus_bytes == 0)
        and (drain.stats == Stats.NONE or int16_result)
        and (not starts_row_unit or drain.row_length > 0)
    )


def _sweep_legal(config: AcceleratorConfig, sweep: Sweep) -> bool:
    byte_exists = sweep.src_lane < config.lanes and sweep.dest_byte < config.rows
    return (
        1 <= sweep.m <= config.acc_depth
        and sweep.n > 0
        and _exists(SweepKind, sweep.kind)
        and (sweep.kind != SweepKind.MOMENTS or sweep.row_length > 0)
        and (sweep.kind != SweepKind.GATHER or (sweep.n == 1 and byte_exists))
    )


def _operands(config: AcceleratorConfig, instruction: Instruction) -> Iterator[_Operand]:
    match instruction:
        case Load():
            size, unit_bytes = load_units(config, LoadTarget(instruction.target))
            yield _Operand(first=instruction.addr, size=size, words=instruction.count)
            yield _memory(instruction.mem_addr, instruction.count, unit_bytes)
        case Stream():
            yield _memory(instruction.mem_addr, instruction.count, config.rows)
        case Gemm():
            yield from _gemm_operands(config, instruction)
        case Drain():
            yield from _drain_operands(config, instruction)
        case Sweep():
            yield from _sweep_operands(config, instruction)


def _gemm_operands(config: AcceleratorConfig, gemm: Gemm) -> Iterator[_Operand]:
    size, words = config.scratchpad_words, gemm.k_tiles
    yield _Operand(first=gemm.a_addr, rows=gemm.m, stride=gemm.a_stride, words=words, size=size)
    if gemm.b_scratchpad:
        yield _Operand(first=gemm.b_addr, rows=gemm.n, stride=gemm.b_stride, words=words, size=size)


def _drain_operands(config: AcceleratorConfig, drain: Drain) -> Iterator[_Operand]:
    m, n = drain.m, drain.n
    chunks = _ceil_div(n, config.lanes)
    match drain.dest:
        case Destination.SCRATCHPAD:
            words, size = _ceil_div(n, config.rows), config.scratchpad_words
            yield _Operand(first=drain.dest_addr, rows=m, stride=drain.dest_stride, words=words, size=size)
        case Destination.VECTOR:
            yield _Operand(
                first=drain.dest_addr, rows=m, stride=drain.dest_stride, words=chunks, size=config.vector_words
            )
        case Destination.MEMORY:
            yield _memory(drain.dest_addr, m, 4 * (n + config.lanes - 1))
    param_words = {ParamMode.COLUMN: chunks, ParamMode.ROW: m, ParamMode.FIXED: 1}[ParamMode(drain.param_mode)]
    yield _Operand(first=drain.param_addr, words=param_words, size=config.param_words)
    if drain.second == SecondStage.RESIDUAL:
        yield _Operand(first=drain.res_addr, rows=m, stride=drain.res_stride, words=chunks, size=config.vector_words)
    if drain.table_enable:
        yield _Operand(first=drain.table, size=config.tables)
    if drain.stats != Stats.NONE or drain.row_scale:
        yield _Operand(first=drain.stats_addr, words=m, size=config.acc_depth)


def _sweep_operands(config: AcceleratorConfig, sweep: Sweep) -> Iterator[_Operand]:
    m, n = sweep.m, sweep.n
    chunks = _ceil_div(n, config.lanes)
    yield _Operand(first=sweep.src_addr, rows=m, stride=sweep.src_stride, words=chunks, size=config.vector_words)
    if sweep.kind != SweepKind.MOMENTS:
        words, size = _ceil_div(n, config.rows), config.scratchpad_words
        yield _Operand(first=sweep.dest_addr, rows=m, stride=sweep.dest_stride, words=words, size=size)
    if sweep.kind in (SweepKind.LAYERNORM, SweepKind.GATHER):
        yield _Operand(first=sweep.param_addr, words=chunks, size=config.param_words)
    if sweep.kind == SweepKind.SOFTMAX:
        yield _Operand(first=sweep.table, size=config.tables)
    yield _Operand(first=sweep.stats_addr, words=m, size=config.acc_depth)


def _memory(first: int, count: int, unit_bytes: int) -> _Operand:
    return _Operand(first=first, words=count * unit_bytes, size=_MEMORY_BYTES)


def _exists(kind: type[enum.IntEnum], value: int) -> bool:
    return value in {int(member) for member in kind}


def _ceil_div(value: int, unit: int) -> int:
    return -(-value // unit)
