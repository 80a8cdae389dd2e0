"""The rules that every instruction must obey before it may start; software twin of the hardware's Checker.

Fields come first: an instruction with an impossible one is an ILLEGAL_FIELD, with address 0. Then come its operands, in
the order of their table: the first whose last word is beyond its memory is OUT_OF_RANGE, with its first word as address.
Sums and products are exact; nothing wraps. Fields and operands that an instruction does not use may have any value, and
so may reserved bits. A DRAIN to memory uses what `second`, `table_enable` and `row_scale` ask for, as any other; each of
its rows counts as `n + lanes - 1` int32.

| opcode | legal fields |
|---|---|
| all | no bit of the instruction's own engine in `wait` and `signal`; HALT and STREAM: no bit at all |
| LOAD | `target` exists; `count` > 0; `mem_addr` is a multiple of `bus_bytes` |
| STREAM | `count` > 0; `mem_addr` is a multiple of `bus_bytes` |
| GEMM | 0 < `m` <= `acc_depth`; `n` > 0; `k_tiles` > 0; `n` <= `cols`, or both `clear` and `release` |
| DRAIN | 0 < `m` <= `acc_depth`; `n` > 0; `dest`, `param_mode`, `second` and `stats` exist; to memory: `dest_addr` is a multiple of `bus_bytes`; with `stats`: to VECTOR and without table; MOMENTS with `stats_last`: `row_length` > 0 |
| SWEEP | 0 < `m` <= `acc_depth`; `n` > 0; MOMENTS: `row_length` > 0; GATHER: `n` = 1, `src_lane` < `lanes` and `dest_byte` < `rows` |
"""  # noqa: E501  # Markdown tables for docs/isa.md

import enum

from spec.config import AcceleratorConfig
from spec.isa import (
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
from spec.memories import Memory
from spec.operands import OPERANDS, Operand

__all__ = ["check", "check_raw"]


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
    for operand in OPERANDS[instruction.opcode]:
        if operand.used(instruction) and _stop(config, operand, instruction) > operand.memory.size(config):
            return ErrorCode.OUT_OF_RANGE, getattr(instruction, operand.first)
    return ErrorCode.NONE, 0


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


def _stop(config: AcceleratorConfig, operand: Operand, instruction: Instruction) -> int:
    """Return the address behind an operand, or that behind what a DRAIN to memory counts as; nothing divides there."""
    row_length = operand.row_length(config, instruction)
    if operand.memory is Memory.MAIN and operand.values:
        values = getattr(instruction, operand.values) + operand.unit.values(config) - 1
        row_length = values * operand.unit.value_bytes
    return operand.stop(instruction, row_length)


def _exists(kind: type[enum.IntEnum], value: int) -> bool:
    return value in {int(member) for member in kind}
