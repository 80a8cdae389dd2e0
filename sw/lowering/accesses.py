"""Which words of the on-chip memories an instruction reads and writes, from its fields alone."""

import enum
from dataclasses import dataclass

from spec.config import AcceleratorConfig
from spec.isa import (
    TABLE_ENTRIES,
    Destination,
    Drain,
    Gemm,
    Instruction,
    Load,
    LoadTarget,
    ParamMode,
    SecondStage,
    Sweep,
    SweepKind,
)

__all__ = ["Access", "Space", "Span", "accesses"]

TABLE_GROUPS = TABLE_ENTRIES // 8
"""Units of a LOAD in one table."""


class Space(enum.Enum):
    """On-chip memories that more than one engine touches."""

    SCRATCHPAD = enum.auto()
    VECTOR = enum.auto()
    PARAM = enum.auto()
    TABLE = enum.auto()


@dataclass(frozen=True)
class Span:
    """Words ``start`` to ``stop - 1`` of a memory; strided operands are covered from first to last word."""

    space: Space
    start: int
    stop: int

    def overlaps(self, other: "Span") -> bool:
        """Whether the two have a word in common."""
        return self.space is other.space and self.start < other.stop and other.start < self.stop


@dataclass(frozen=True)
class Access:
    """What one instruction reads and writes."""

    reads: tuple[Span, ...] = ()
    writes: tuple[Span, ...] = ()


def accesses(config: AcceleratorConfig, instruction: Instruction) -> Access:
    """Return the spans of an instruction.

    Statistics, scalars and accumulators are left out: they belong to one engine or synchronize by themselves.

    Parameters
    ----------
    config : AcceleratorConfig
    instruction : Instruction
        With final addresses.
    """
    match instruction:
        case Load():
            return Access(writes=(_load_target(instruction),))
        case Gemm():
            return _gemm(instruction)
        case Drain():
            return _drain(config, instruction)
        case Sweep():
            return _sweep(config, instruction)
    return Access()


def _load_target(load: Load) -> Span:
    match load.target:
        case LoadTarget.SCRATCHPAD:
            space = Space.SCRATCHPAD
        case LoadTarget.VECTOR:
            space = Space.VECTOR
        case LoadTarget.TABLE:
            first, last = load.addr // TABLE_GROUPS, (load.addr + load.count - 1) // TABLE_GROUPS
            return Span(Space.TABLE, first, last + 1)
        case _:
            space = Space.PARAM
    return Span(space, load.addr, load.addr + load.count)


def _gemm(gemm: Gemm) -> Access:
    reads = [_rows(Space.SCRATCHPAD, gemm.a_addr, gemm.m, gemm.a_stride, gemm.k_tiles)]
    if gemm.b_scratchpad:
        reads.append(_rows(Space.SCRATCHPAD, gemm.b_addr, gemm.n, gemm.b_stride, gemm.k_tiles))
    return Access(tuple(reads))


def _drain(config: AcceleratorConfig, drain: Drain) -> Access:
    chunks, words = _ceil_div(drain.n, config.lanes), _ceil_div(drain.n, config.rows)
    params = {ParamMode.COLUMN: chunks, ParamMode.ROW: drain.m, ParamMode.FIXED: 1}[ParamMode(drain.param_mode)]
    reads = [Span(Space.PARAM, drain.param_addr, drain.param_addr + params)]
    if drain.second == SecondStage.RESIDUAL:
        reads.append(_rows(Space.VECTOR, drain.res_addr, drain.m, drain.res_stride, chunks))
    if drain.table_enable:
        reads.append(Span(Space.TABLE, drain.table, drain.table + 1))
    writes = []
    if drain.dest == Destination.SCRATCHPAD:
        writes.append(_rows(Space.SCRATCHPAD, drain.dest_addr, drain.m, drain.dest_stride, words))
    elif drain.dest == Destination.VECTOR:
        writes.append(_rows(Space.VECTOR, drain.dest_addr, drain.m, drain.dest_stride, chunks))
    return Access(tuple(reads), tuple(writes))


def _sweep(config: AcceleratorConfig, sweep: Sweep) -> Access:
    chunks, words = _ceil_div(sweep.n, config.lanes), _ceil_div(sweep.n, config.rows)
    source = _rows(Space.VECTOR, sweep.src_addr, sweep.m, sweep.src_stride, chunks)
    dest = _rows(Space.SCRATCHPAD, sweep.dest_addr, sweep.m, sweep.dest_stride, words)
    params = Span(Space.PARAM, sweep.param_addr, sweep.param_addr + chunks)
    match sweep.kind:
        case SweepKind.MOMENTS:
            return Access((source,))
        case SweepKind.SOFTMAX:
            return Access((source, Span(Space.TABLE, sweep.table, sweep.table + 1)), (dest,))
        case SweepKind.LAYERNORM:
            return Access((source, params), (source, dest))
        case _:
            return Access((source, params), (dest,))


def _rows(space: Space, addr: int, m: int, stride: int, words: int) -> Span:
    return Span(space, addr, addr + (m - 1) * stride + words)


def _ceil_div(value: int, unit: int) -> int:
    return -(-value // unit)
