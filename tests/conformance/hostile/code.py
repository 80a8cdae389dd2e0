"""The instructions of a program as bytes, and what can be done to them."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np

from spec.isa import (
    INSTRUCTION_BYTES,
    Destination,
    Drain,
    Gemm,
    Instruction,
    SecondStage,
    Stats,
    Sweep,
    SweepKind,
    decode,
    fields_of,
)
from spec.program import Program

__all__ = ["code_of", "spoiled", "with_code", "with_junk"]

HEAD_BITS = 4


def code_of(program: Program) -> list[bytes]:
    """Return a program's instructions."""
    data = program.instructions.tobytes()
    return [data[i : i + INSTRUCTION_BYTES] for i in range(0, len(data), INSTRUCTION_BYTES)]


def with_code(program: Program, code: Sequence[bytes]) -> Program:
    """Return a program with other instructions, which have no labels."""
    data = b"".join(code)
    memory_bytes = max(program.memory_bytes, -(-(program.instructions_addr + len(data)) // 4096) * 4096)
    return replace(program, instructions=np.frombuffer(data, np.uint8), memory_bytes=memory_bytes, labels=())


def with_junk(raw: bytes, rng: Random) -> bytes:
    """Return a valid instruction with random bits wherever they mean nothing."""
    used = _used_bits(decode(raw))
    word = int.from_bytes(raw, "little") & used | rng.getrandbits(8 * INSTRUCTION_BYTES) & ~used
    return word.to_bytes(INSTRUCTION_BYTES, "little")


def spoiled(raw: bytes, rng: Random) -> bytes:
    """Return a valid instruction with one or two fields changed, often to a border."""
    instruction = decode(raw)
    word = int.from_bytes(raw, "little")
    for _ in range(rng.randint(1, 2)):
        name, width, _ = rng.choice(list(fields_of(type(instruction))))
        offset = _offset(type(instruction), name)
        full = (1 << width) - 1
        old = word >> offset & full
        new = rng.choice([0, full, old + 1, old - 1, 1 << rng.randrange(width), rng.randint(0, full)]) & full
        word = word & ~(full << offset) | new << offset
    return word.to_bytes(INSTRUCTION_BYTES, "little")


def _used_bits(instruction: Instruction) -> int:
    kind = type(instruction)
    widths = {name: width for name, width, _ in fields_of(kind)}
    mask = (1 << HEAD_BITS) - 1
    for name in widths.keys() - _unused(instruction):
        mask |= ((1 << widths[name]) - 1) << _offset(kind, name)
    return mask


def _offset(kind: type[Instruction], field: str) -> int:
    offset = HEAD_BITS
    for name, width, _ in fields_of(kind):
        if name == field:
            break
        offset += width
    return offset


def _unused(instruction: Instruction) -> set[str]:
    """Return the fields that have no meaning in this instruction."""
    match instruction:
        case Gemm(b_scratchpad=0):
            return {"b_addr", "b_stride"}
        case Drain() as drain:
            return set().union(
                {"res_addr", "res_stride"} if drain.second != SecondStage.RESIDUAL else (),
                {"second_shift"} if drain.second == SecondStage.NONE else (),
                {"table"} if not drain.table_enable else (),
                {"stats_addr"} if drain.stats == Stats.NONE and not drain.row_scale else (),
                {"stats_first"} if drain.stats == Stats.NONE else (),
                {"stats_last"} if drain.stats != Stats.MOMENTS else (),
                {"row_length"} if drain.stats != Stats.MOMENTS or not drain.stats_last else (),
                {"pre_shift", "shift"} if drain.row_scale else (),
                {"dest_stride", "clip_low", "clip_high", "pre_shift", "shift"}
                if drain.dest == Destination.MEMORY
                else (),
            )
        case Sweep(kind=kind):
            scaling = {"param_addr", "second_shift", "clip_low", "clip_high"}
            return set().union(
                {"src_lane", "dest_byte"} if kind != SweepKind.GATHER else (),
                {"table"} if kind != SweepKind.SOFTMAX else (),
                {"row_length"} if kind != SweepKind.MOMENTS else (),
                {"dest_addr", "dest_stride"} if kind == SweepKind.MOMENTS else (),
                scaling if kind in (SweepKind.MOMENTS, SweepKind.SOFTMAX) else (),
            )
    return set()
