"""Configurations that every backend must run: smallest, odd, rectangular, with small memories that are soon full."""

from spec.config import AcceleratorConfig

__all__ = ["CONFIGS", "MICRO_4X3", "SHORT"]

_SMALL = {"scratchpad_kib": 1, "vector_kib": 1, "param_words": 32, "weight_fifo_words": 32, "timeout_cycles": 2048}

CONFIGS = {
    f"{c.rows}x{c.cols}{' micro' * (c.core == 'micro')}": c
    for c in (
        AcceleratorConfig(rows=1, cols=1, **{**_SMALL, "bus_bytes": 4, "acc_depth": 128, "queue_depth": 2}),
        AcceleratorConfig(rows=2, cols=2, **{**_SMALL, "bus_bytes": 8, "acc_depth": 64, "acc_banks": 3}),
        AcceleratorConfig(rows=3, cols=5, **{**_SMALL, "bus_bytes": 4, "acc_depth": 64, "scratchpad_banks": 3}),
        AcceleratorConfig(rows=4, cols=6, **{**_SMALL, "bus_bytes": 32, "acc_depth": 32, "tables": 4}),
        AcceleratorConfig(
            rows=4,
            cols=4,
            lanes=1,
            core="micro",
            **{**_SMALL, "bus_bytes": 4, "acc_depth": 64, "acc_banks": 2, "scratchpad_banks": 1, "queue_depth": 2},
        ),
        AcceleratorConfig(rows=8, cols=4, **{**_SMALL, "bus_bytes": 16, "acc_depth": 32, "scratchpad_banks": 1}),
        AcceleratorConfig(
            rows=16,
            cols=16,
            **{**_SMALL, "bus_bytes": 16, "acc_depth": 32, "queue_depth": 4, "scratchpad_kib": 4, "vector_kib": 4},
        ),
    )
}

SHORT = ("1x1", "3x5", "4x4 micro")
"""Those that are tested every time; the others are larger or between these, and left to ``pytest -m long``."""

MICRO_4X3 = AcceleratorConfig(
    rows=4,
    cols=3,
    lanes=1,
    core="micro",
    bus_bytes=4,
    scratchpad_kib=1,
    scratchpad_banks=1,
    vector_kib=1,
    param_words=32,
    acc_depth=128,
)
"""A micro core whose columns are no power of two, for the emitted Verilog."""
