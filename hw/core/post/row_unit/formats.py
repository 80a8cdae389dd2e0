"""Numbers and records of the row unit, and the beat that its stages keep."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from hw.layouts import RowJob, row_scalars, row_stats

__all__ = [
    "ADDR",
    "EXPONENTIALS",
    "LENGTH",
    "MEAN",
    "MUL",
    "RADICAND",
    "ROOT",
    "SHIFT",
    "SQUARES",
    "STEPS",
    "STEPS_PER_CYCLE",
    "STEP_CYCLES",
    "SUM",
    "VARIANCE",
    "moments_layout",
    "row_layout",
]

STEPS_PER_CYCLE = 2
STEPS = 30  # of every stage: the sum has 29 bits, and quotients and roots do not mind leading zeros
STEP_CYCLES = STEPS // STEPS_PER_CYCLE

ADDR = RowJob["addr"].shape
LENGTH = RowJob["length"].shape
SUM = unsigned(row_stats["a"].shape.width)  # magnitude of the least sum included
SQUARES = row_stats["b"].shape
MEAN = row_scalars["mean"].shape
MUL = row_scalars["mul"].shape
SHIFT = row_scalars["total"].shape

EXPONENTIALS = unsigned(24)  # a row's sum of exponentials
VARIANCE = unsigned(58)  # length * b needs 57; normalization shifts by pairs of bits
RADICAND = unsigned(48)
ROOT = unsigned(24)

row_layout = data.StructLayout({"reciprocal": 1, "addr": ADDR, "length": LENGTH})
moments_layout = data.StructLayout(
    {"negative": 1, "sum": SUM, "factor": EXPONENTIALS, "squares": SQUARES, "length": LENGTH}
)
