"""What the serial post-processor reads from an instruction."""

from typing import Any

from amaranth.hdl import Mux

from hw.isa import Destination, Drain, Opcode, ParamMode, SecondStage, Stats, Sweep, SweepKind
from hw.layouts import instruction_layout
from hw.post.serial.microcode import Condition, Field

__all__ = ["fields_of_instruction", "flags_of_instruction", "table_of_instruction"]


def fields_of_instruction(payload: Any) -> dict[Field, Any]:
    """Return the values of those fields that stand in an instruction."""
    drain, sweep = instruction_layout(Drain)(payload), instruction_layout(Sweep)(payload)
    is_sweep = drain.opcode == Opcode.SWEEP
    both = {
        Field.M: (drain.m, sweep.m),
        Field.N: (drain.n, sweep.n),
        Field.DEST: (drain.dest_addr, sweep.dest_addr),
        Field.DEST_STRIDE: (drain.dest_stride, sweep.dest_stride),
        Field.VECTOR: (drain.res_addr, sweep.src_addr),
        Field.VECTOR_STRIDE: (drain.res_stride, sweep.src_stride),
        Field.PARAM: (drain.param_addr, sweep.param_addr),
        Field.SECOND_SHIFT: (drain.second_shift, sweep.second_shift),
        Field.CLIP_LOW: (drain.clip_low, sweep.clip_low),
        Field.CLIP_HIGH: (drain.clip_high, sweep.clip_high),
        Field.STATS: (drain.stats_addr, sweep.stats_addr),
        Field.ROW_LENGTH: (drain.row_length, sweep.row_length),
    }
    values = {field: _choose(is_sweep, *pair) for field, pair in both.items()}
    return values | {
        Field.PRE_SHIFT: drain.pre_shift,
        Field.SHIFT: drain.shift,
        Field.DEST_BYTE: Mux(is_sweep & (sweep.kind == SweepKind.GATHER), sweep.dest_byte, 0),
    }


def flags_of_instruction(payload: Any) -> dict[Condition, Any]:
    """Return the conditions that depend on the instruction alone."""
    drain, sweep = instruction_layout(Drain)(payload), instruction_layout(Sweep)(payload)
    moments = drain.stats == Stats.MOMENTS
    return {
        Condition.SWEEP: drain.opcode == Opcode.SWEEP,
        Condition.TO_VECTOR: (drain.opcode == Opcode.DRAIN) & (drain.dest == Destination.VECTOR),
        Condition.TO_MEMORY: drain.dest == Destination.MEMORY,
        Condition.BY_ROW: drain.param_mode == ParamMode.ROW,
        Condition.ROW_SCALE: drain.row_scale,
        Condition.SECOND: drain.second != SecondStage.NONE,
        Condition.RESIDUAL: drain.second == SecondStage.RESIDUAL,
        Condition.TABLE: drain.table_enable,
        Condition.STATISTICS: drain.stats != Stats.NONE,
        Condition.SUMS: moments,
        Condition.FIRST: drain.stats_first,
        Condition.JOB: moments & drain.stats_last,
        Condition.MOMENTS: sweep.kind == SweepKind.MOMENTS,
        Condition.SOFTMAX: sweep.kind == SweepKind.SOFTMAX,
        Condition.GATHER: sweep.kind == SweepKind.GATHER,
        Condition.COLUMN_RECORDS: (drain.opcode == Opcode.SWEEP) | (drain.param_mode == ParamMode.COLUMN),
    }


def table_of_instruction(payload: Any) -> Any:
    """Return the number of the table in which the instruction looks up."""
    drain, sweep = instruction_layout(Drain)(payload), instruction_layout(Sweep)(payload)
    return _choose(drain.opcode == Opcode.SWEEP, drain.table, sweep.table)


def _choose(is_sweep: Any, of_drain: Any, of_sweep: Any) -> Any:
    return Mux(is_sweep, of_sweep, of_drain)
