"""What travels between the blocks of the post-processor."""

from enum import IntEnum
from typing import Any

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.layouts import RowJob
from spec.config import AcceleratorConfig
from spec.isa import ParamMode

__all__ = ["Factor", "MemoryRead", "Operand", "Sink", "chunk_layout", "command", "recipe"]


class Operand(IntEnum):
    """What the first multiplier scales."""

    ACCUMULATOR = 0  # acc + bias
    CENTRED = 1  # (vector << 8) - mean of the row
    BELOW_MAXIMUM = 2  # vector - maximum of the row


class Factor(IntEnum):
    """By what the first multiplier scales."""

    RECORD = 0  # mul of the parameter record
    ROW = 1  # mul of the row's scalars, with the row's shifts
    MINUS_ONE = 2  # turns vector - maximum into an index


class Sink(IntEnum):
    """Where results go."""

    NONE = 0
    SCRATCHPAD = 1
    VECTOR = 2
    MEMORY = 3


recipe = data.StructLayout(
    {
        "operand": Operand,
        "factor": Factor,
        "pre_shift": unsigned(6),
        "shift": unsigned(5),
        "normalized": 1,  # the first multiplier's result is a row of LAYERNORM: 16 bits, written in place
        "vector": 1,  # the second multiplier takes the vector memory's value, not the first one's result
        "broadcast": 1,  # all lanes take the value of lane `source_lane`
        "source_lane": unsigned(6),
        "scaled": 1,  # the second multiplier scales by mul2 of the record, not by one
        "biased": 1,  # the record's bias is added to the second product
        "residual": 1,  # the first multiplier's result is added to the second one's
        "second_shift": unsigned(5),
        "clip_low": signed(16),
        "clip_high": signed(16),
        "table_enable": 1,
        "table": unsigned(2),
        "sink": Sink,
        "padded": 1,  # columns at or beyond n are written, as zeros, to the end of the last word
        "write_a": 1,  # a = max(a, y) or a + y
        "maximum": 1,
        "write_b": 1,  # b = b + y * y or b + y
        "squares": 1,
        "job": 1,  # after the last row the row unit has work
    }
)
"""What a chunk's way through the datapath does; the same for all chunks of an instruction."""

command = data.StructLayout(
    {
        "recipe": recipe,
        "tiled": 1,  # a DRAIN: tiles of `cols` columns, each from an accumulator bank
        "row_needed": 1,  # rows wait until the row unit has done with them
        "stats_first": 1,  # the first tile starts the rows' statistics
        "last_row": unsigned(12),
        "n": unsigned(16),
        "vector_addr": unsigned(20),
        "vector_stride": unsigned(16),
        "dest_addr": unsigned(32),
        "dest_stride": unsigned(16),
        "dest_byte": unsigned(8),
        "param_mode": ParamMode,
        "param_addr": unsigned(14),
        "job": RowJob,
    }
)
"""A decoded DRAIN or SWEEP; the first row's place in the statistics is ``job.addr``."""


def chunk_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of one chunk: ``lanes`` neighbouring columns of one row, with all that its way needs."""
    return data.StructLayout(
        {
            "valid": 1,
            "recipe": recipe,
            "bank": range(config.acc_banks),
            "row": range(config.acc_depth),
            "column": range(max(config.chunks_per_tile, 1)),  # chunk in its tile
            "param_addr": range(config.param_words),
            "vector_addr": range(config.vector_words),
            "dest_addr": unsigned(20),
            "byte": range(config.rows),  # place of lane 0 in its scratchpad word
            "mask": unsigned(config.lanes),  # columns below n
            "stats_addr": range(config.acc_depth),
            "fresh": 1,  # statistics of the row start here, not from memory
            "row_first": 1,
            "row_last": 1,  # of the row in this tile
            "last": 1,  # of the instruction
        }
    )


class MemoryRead(wiring.Signature):
    """Read of one word; ``data`` is valid 2 cycles after ``en`` and ``addr``."""

    def __init__(self, depth: int, shape: Any) -> None:
        super().__init__({"en": Out(1), "addr": Out(range(depth)), "data": In(shape)})
