"""GEMM: both sources of B, both signs of A, strides, partial tiles, accumulation and banks."""

import numpy as np
import pytest

from spec.arithmetic import wrap
from spec.isa import Gemm, LoadTarget, ParamMode
from tests.conformance.assembler import Assembler, operand, undense

M = 6


def codes(rng, *shape):
    """Return int8 with many extremes."""
    values = rng.integers(-128, 128, shape)
    return np.where(rng.random(shape) < 0.2, rng.choice([-128, 127, 0], shape), values).astype(np.int8)


def product(a, b):
    return a.astype(np.int64) @ b.astype(np.int64).T


def drain_plain(asm, name, m, n):
    """Append a DRAIN of the bare sums; parameter word 31 must be zero."""
    asm.drain_to_memory(name, m, n, param_mode=ParamMode.FIXED, param_addr=31)


@pytest.mark.parametrize("unsigned", [0, 1])
@pytest.mark.parametrize("tiles", ["partial", "one", "several"])
def test_streamed_weights(device, rng, unsigned, tiles):
    config = device.config
    n = {"partial": max(config.cols - 1, 1), "one": config.cols, "several": 3 * config.cols - config.cols // 2}[tiles]
    a, b = codes(rng, M, 3 * config.rows), codes(rng, n, 3 * config.rows)
    asm = Assembler(config)
    k_tiles = asm.load_operand(5, a)
    asm.stream(b)
    asm.add(Gemm(m=M, n=n, k_tiles=k_tiles, a_addr=5, a_stride=k_tiles, a_unsigned=unsigned, clear=1, release=1))
    drain_plain(asm, "c", M, n)
    outputs = device.run(asm.program(), {}).outputs
    expected = product(a.view(np.uint8) if unsigned else a, b)
    np.testing.assert_array_equal(undense(config, outputs["c"], M, n), expected)


@pytest.mark.parametrize("unsigned", [0, 1])
def test_stationary_operand_from_the_scratchpad(device, rng, unsigned):
    config = device.config
    n = 2 * config.cols + 1
    a, b = codes(rng, M, 2 * config.rows), codes(rng, n, 2 * config.rows)
    asm = Assembler(config)
    k_tiles = asm.load_operand(0, a)
    asm.load_operand(M * k_tiles, b)
    asm.add(
        Gemm(
            m=M,
            n=n,
            k_tiles=k_tiles,
            a_stride=k_tiles,
            a_unsigned=unsigned,
            b_scratchpad=1,
            b_addr=M * k_tiles,
            b_stride=k_tiles,
            clear=1,
            release=1,
        )
    )
    drain_plain(asm, "c", M, n)
    outputs = device.run(asm.program(), {}).outputs
    expected = product(a.view(np.uint8) if unsigned else a, b)
    np.testing.assert_array_equal(undense(config, outputs["c"], M, n), expected)


@pytest.mark.parametrize(("a_stride", "b_stride"), [(0, 3), (1, 0), (3, 1)])
def test_rows_may_overlap_or_lie_apart(device, rng, a_stride, b_stride):
    config = device.config
    n, k_tiles, a_addr, b_addr = config.cols, 2, 7, 30
    words = codes(rng, config.scratchpad_words, config.rows)
    asm = Assembler(config)
    asm.load(LoadTarget.SCRATCHPAD, 0, words, len(words))
    strides = {"a_addr": a_addr, "a_stride": a_stride, "b_addr": b_addr, "b_stride": b_stride}
    n = min(n, (config.scratchpad_words - b_addr) // max(b_stride, 1) - 1)
    asm.add(Gemm(m=M, n=n, k_tiles=k_tiles, b_scratchpad=1, clear=1, release=1, **strides))
    drain_plain(asm, "c", M, n)
    a = np.stack([words[a_addr + m * a_stride :][:k_tiles].reshape(-1) for m in range(M)])
    b = np.stack([words[b_addr + i * b_stride :][:k_tiles].reshape(-1) for i in range(n)])
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(undense(config, outputs["c"], M, n), product(a, b))


def test_sums_go_on_until_the_bank_is_released(device, rng):
    config = device.config
    n, parts = config.cols, 3
    a, b = codes(rng, M, parts * config.rows), codes(rng, n, parts * config.rows)
    asm = Assembler(config)
    k_tiles = asm.load_operand(0, a)
    for part in range(parts):
        asm.stream(b[:, part * config.rows : (part + 1) * config.rows])
        flags = {"clear": int(part == 0), "release": int(part == parts - 1)}
        asm.add(Gemm(m=M, n=n, k_tiles=1, a_addr=part, a_stride=k_tiles, **flags))
    drain_plain(asm, "c", M, n)
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(undense(config, outputs["c"], M, n), product(a, b))


def test_a_bank_that_is_not_released_can_be_cleared_again(device, rng):
    config = device.config
    a, b = codes(rng, M, config.rows), codes(rng, config.cols, config.rows)
    asm = Assembler(config)
    asm.load_operand(0, a)
    asm.stream(codes(rng, config.cols, config.rows))
    asm.add(Gemm(m=M, n=config.cols, k_tiles=1, a_stride=1, clear=1))
    asm.stream(b)
    asm.add(Gemm(m=M, n=config.cols, k_tiles=1, a_stride=1, clear=1, release=1))
    drain_plain(asm, "c", M, config.cols)
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(undense(config, outputs["c"], M, config.cols), product(a, b))


def test_a_gemm_may_be_ahead_of_its_drain(device, rng):
    config = device.config
    a = codes(rng, M, config.rows)
    first, second = codes(rng, config.cols, config.rows), codes(rng, config.cols, config.rows)
    asm = Assembler(config)
    asm.load_operand(0, a)
    for b in (first, second):
        asm.stream(b)
        asm.add(Gemm(m=M, n=config.cols, k_tiles=1, a_stride=1, clear=1, release=1))
    drain_plain(asm, "first", M, config.cols)
    drain_plain(asm, "second", M, config.cols)
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(undense(config, outputs["first"], M, config.cols), product(a, first))
    np.testing.assert_array_equal(undense(config, outputs["second"], M, config.cols), product(a, second))


def test_one_row_and_all_rows_of_a_bank(device, rng):
    config = device.config
    b = codes(rng, config.cols, config.rows)
    asm = Assembler(config)
    a = codes(rng, config.acc_depth, config.rows)
    asm.load_operand(0, a)
    for m in (1, config.acc_depth, 1):
        asm.stream(b)
        asm.add(Gemm(m=m, n=config.cols, k_tiles=1, a_stride=1, clear=1, release=1))
        drain_plain(asm, f"c{len(asm.outputs)}", m, config.cols)
    outputs = device.run(asm.program(), {}).outputs
    for name, m in (("c0", 1), ("c1", config.acc_depth), ("c2", 1)):
        np.testing.assert_array_equal(undense(config, outputs[name], m, config.cols), product(a[:m], b))


def test_a_bank_keeps_the_rows_that_a_shorter_gemm_does_not_write(device, rng):
    config = device.config
    b = codes(rng, config.cols, config.rows)
    asm = Assembler(config)
    a = codes(rng, M, config.rows)
    asm.load_operand(0, a)
    for _ in range(config.acc_banks):
        asm.stream(b)
        asm.add(Gemm(m=M, n=config.cols, k_tiles=1, a_stride=1, clear=1, release=1))
        drain_plain(asm, f"c{len(asm.outputs)}", M, config.cols)
    asm.stream(-(b >> 1))
    asm.add(Gemm(m=2, n=config.cols, k_tiles=1, a_stride=1, clear=1, release=1))
    drain_plain(asm, "mixed", M, config.cols)
    outputs = device.run(asm.program(), {}).outputs
    expected = product(a, b)
    expected[:2] = product(a[:2], -(b >> 1))
    np.testing.assert_array_equal(undense(config, outputs["mixed"], M, config.cols), expected)


def test_a_long_sum_is_exact_and_wraps_at_32_bits(device):
    config = device.config
    if config.rows < 8:
        pytest.skip("takes long with few rows")
    words = config.scratchpad_words // 2
    repeats = (1 << 31) // (255 * 128) // (words * config.rows) + 2
    asm = Assembler(config)
    asm.load(LoadTarget.SCRATCHPAD, 0, operand(config, np.full((1, words * config.rows), 255)), words)
    asm.load(LoadTarget.SCRATCHPAD, words, operand(config, np.full((1, words * config.rows), 128)), words)
    for i in range(repeats):
        flags = {"clear": int(i == 0), "release": int(i == repeats - 1)}
        asm.add(Gemm(m=1, n=1, k_tiles=words, a_unsigned=1, b_scratchpad=1, b_addr=words, **flags))
    drain_plain(asm, "c", 1, 1)
    outputs = device.run(asm.program(), {}).outputs
    total = -255 * 128 * words * config.rows * repeats
    assert total < -(1 << 31)
    assert undense(config, outputs["c"], 1, 1)[0, 0] == wrap(np.int64(total), 32)
