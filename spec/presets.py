"""Named configurations, each derived from another."""

from dataclasses import replace

from spec.config import AcceleratorConfig

__all__ = ["PRESETS"]

_DEFAULT = AcceleratorConfig()

_SMALL = replace(
    _DEFAULT,
    rows=8,
    cols=8,
    lanes=4,
    dsp_multipliers=60,
    acc_banks=2,
    scratchpad_kib=64,
    vector_kib=32,
    weight_fifo_words=64,
    bus_bytes=8,
)

_ULX3S_25F = replace(
    _SMALL,
    cols=4,
    lanes=1,
    dsp_multipliers=25,
    scratchpad_kib=40,
    scratchpad_banks=5,
    vector_kib=20,
    weight_fifo_words=32,
    bus_bytes=4,
)

PRESETS: dict[str, AcceleratorConfig] = {
    # 16x16 with memories for MiniLM at 512 tokens; what the simulator runs.
    "default": _DEFAULT,
    # 2x2 with the smallest useful memories, for tests that run in slow simulators.
    "tiny": replace(
        _DEFAULT,
        rows=2,
        cols=2,
        lanes=2,
        acc_depth=16,
        acc_banks=2,
        scratchpad_kib=4,
        vector_kib=4,
        param_words=64,
        weight_fifo_words=16,
        bus_bytes=4,
        timeout_cycles=4096,
    ),
    # 4x4 for an iCE40UP5K: its 8 multiplier blocks, and 3 of its 4 large memories.
    "icebreaker": replace(
        _SMALL,
        rows=4,
        cols=4,
        lanes=1,
        core="micro",
        acc_depth=64,
        scratchpad_banks=1,
        vector_kib=23,
        param_words=256,
        tables=1,
        weight_fifo_words=8,
        bus_bytes=4,
        queue_depth=2,
    ),
    # 4x4 for the smaller ECP5-25F: 56 block memories of 18 kbit.
    "small_4x4": replace(_SMALL, rows=4, cols=4, scratchpad_kib=32, vector_kib=16, weight_fifo_words=32),
    # 8x8 for an ECP5-45F: 108 block memories, 243 KB, and 72 multiplier blocks, of which 12 go to the lanes.
    "small_8x8": _SMALL,
    # 8x4 for the ECP5-25F of a ULX3S, and for its 12F, which is the same die: 56 block memories, and 28 multiplier
    # blocks, of which 3 go to the lane; the other 7 products are made of LUTs.
    "ulx3s_12f": _ULX3S_25F,
    "ulx3s_25f": _ULX3S_25F,
    # 8x8 for the ECP5-45F of a ULX3S, whose memory is narrower.
    "ulx3s_45f": replace(_SMALL, bus_bytes=4),
    # 16x16 for the ECP5-85F of a ULX3S: 208 block memories, 468 KB, and 156 multiplier blocks, of which 12 go to the
    # lanes.
    "ulx3s_85f": replace(
        _DEFAULT,
        acc_banks=2,
        scratchpad_kib=160,
        scratchpad_banks=5,
        vector_kib=104,
        lanes=4,
        dsp_multipliers=144,
        tables=1,
        weight_fifo_words=256,
        bus_bytes=4,
    ),
    # 32x32 with twice the operand memory and bus width, for large FPGAs.
    "large_32x32": replace(_DEFAULT, rows=32, cols=32, scratchpad_kib=2048, bus_bytes=32),
}
"""Configurations by name, for ``python -m gen --preset`` and for tests."""
