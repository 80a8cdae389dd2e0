"""Presets fit the FPGAs that they are for."""

from math import ceil

import pytest

from spec.config import AcceleratorConfig
from spec.presets import PRESETS

BLOCK_BYTES = 2048
"""An ECP5 block memory, without its ninth bits."""

BLOCK_WORDS, BLOCK_BITS = 512, 36
"""Its widest form."""

MULTIPLIERS_OF_A_LANE = 3
"""Blocks that a lane of the post-processor takes."""


def blocks(words: int, bits: int) -> int:
    """Return the ECP5 block memories that a memory of that shape needs: wide ones, or bytes side by side."""
    wide = ceil(words / BLOCK_WORDS) * ceil(bits / BLOCK_BITS)
    narrow = ceil(words / BLOCK_BYTES) * ceil(bits / 8)
    return min(wide, narrow)


def memory_blocks(config: AcceleratorConfig) -> int:
    scratchpad = config.scratchpad_banks * blocks(config.scratchpad_words // config.scratchpad_banks, 8 * config.rows)
    vector = blocks(config.vector_words, 16 * config.lanes)
    params = blocks(config.param_words, 64 * config.lanes)
    tables = config.lanes * blocks(256 * config.tables, 64)
    accumulators = config.acc_banks * config.cols * blocks(config.acc_depth, 32)
    rows = blocks(config.acc_depth, 73) + blocks(config.acc_depth, 48)
    weights = blocks(config.weight_fifo_words, 8 * config.rows)
    return scratchpad + vector + params + tables + accumulators + rows + weights


@pytest.mark.parametrize(
    ("name", "available"),
    [("small_4x4", 56), ("ulx3s_25f", 56), ("small_8x8", 108), ("ulx3s_45f", 108), ("ulx3s_85f", 208)],
)
def test_memories_fit_the_fpga(name: str, available: int) -> None:
    assert memory_blocks(PRESETS[name]) <= available


@pytest.mark.parametrize(("name", "available"), [("ulx3s_25f", 28), ("ulx3s_45f", 72), ("ulx3s_85f", 156)])
def test_multipliers_are_all_there_are(name: str, available: int) -> None:
    config = PRESETS[name]
    assert min(config.macs, config.dsp_multipliers) + MULTIPLIERS_OF_A_LANE * config.lanes == available


def test_one_die_has_one_configuration() -> None:
    assert PRESETS["ulx3s_12f"] == PRESETS["ulx3s_25f"]


def test_default_is_the_default() -> None:
    assert PRESETS["default"] == AcceleratorConfig()


@pytest.mark.parametrize("shape", ["4x4", "8x8", "32x32"])
def test_names_tell_the_shape(shape: str) -> None:
    (config,) = (config for name, config in PRESETS.items() if name.endswith(shape))
    assert f"{config.rows}x{config.cols}" == shape
