"""The array engine against NumPy, and its cycles."""

import numpy as np
import pytest

from spec.config import AcceleratorConfig
from spec.isa import Gemm
from tests.hw.core.array.engine_bench import EngineBench

SHAPES = [(1, 1), (2, 2), (3, 5), (4, 8), (8, 4), (2, 7)]


def config_of(rows: int, cols: int, **more: int) -> AcceleratorConfig:
    return AcceleratorConfig(**{"rows": rows, "cols": cols, "acc_depth": 32, "weight_fifo_words": 3 * cols + 1, **more})


def gemm(**fields: int) -> Gemm:
    return Gemm(**{"m": 4, "n": 4, "k_tiles": 1, "a_stride": 1, "b_stride": 1, "clear": 1, "release": 1, **fields})


def random_gemms(config: AcceleratorConfig, rng: np.random.Generator, count: int) -> list[Gemm]:
    """GEMMs of all kinds; the last one releases its bank."""
    gemms = []
    for index in range(count):
        k_tiles = int(rng.integers(1, 5))
        several = rng.random() < 0.4
        gemms.append(
            Gemm(
                m=int(rng.choice([1, 2, 3, config.cols, config.cols + 1, rng.integers(1, 20)])),
                n=int(rng.integers(1, 3 * config.cols + 1) if several else rng.integers(1, config.cols + 1)),
                k_tiles=k_tiles,
                a_addr=int(rng.integers(0, 100)),
                a_stride=int(rng.integers(0, 12)),
                a_unsigned=int(rng.integers(2)),
                b_scratchpad=int(rng.integers(2)),
                b_addr=int(rng.integers(0, 100)),
                b_stride=int(rng.integers(0, 12)),
                clear=int(several or rng.random() < 0.6),
                release=int(several or index == count - 1 or rng.random() < 0.6),
            )
        )
    return gemms


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_matches_numpy(rows: int, cols: int, stalls: float) -> None:
    rng = np.random.default_rng(rows * 10 + cols)
    config = config_of(rows, cols)
    EngineBench(config, random_gemms(config, rng, 10), seed=rows, stalls=stalls).run()


@pytest.mark.parametrize(("clear", "release"), [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_bank_is_continued_or_handed_over(clear: int, release: int) -> None:
    first = gemm(m=5, n=4, k_tiles=2, release=release)
    second = gemm(m=7, n=3, k_tiles=3, a_addr=40, clear=clear)
    EngineBench(config_of(4, 4), [first, second, gemm(m=7, clear=0)]).run()


@pytest.mark.parametrize("cols", [1, 2, 3, 4])
def test_sums_of_a_single_row_are_not_lost(cols: int) -> None:
    """The same accumulator is read again as soon as it can be."""
    bench = EngineBench(config_of(2, cols), [gemm(m=1, n=cols, k_tiles=9, b_scratchpad=1)] * 3)
    bench.run()


@pytest.mark.parametrize("b_scratchpad", [0, 1])
@pytest.mark.parametrize(("rows", "cols"), [(2, 4), (4, 4), (3, 5), (4, 8)])
def test_no_bubble_between_tiles(rows: int, cols: int, b_scratchpad: int) -> None:
    """Neither from K tile to K tile, nor to the next column tile, nor to the next GEMM."""
    gemms = [
        gemm(m=cols, n=2 * cols, k_tiles=8, b_scratchpad=b_scratchpad),
        gemm(m=cols + 1, n=cols, k_tiles=7, b_scratchpad=b_scratchpad),
        gemm(m=cols, n=cols, k_tiles=1, b_scratchpad=b_scratchpad, release=0),
        gemm(m=cols, n=cols, k_tiles=1, b_scratchpad=1 - b_scratchpad, release=0),
        gemm(m=cols, n=cols, k_tiles=6, b_scratchpad=b_scratchpad),
    ]
    bench = EngineBench(config_of(rows, cols, lanes=1, acc_banks=4), gemms)
    cycles = bench.run()
    rows_streamed = sum(g.m * g.k_tiles * -(-g.n // cols) for g in gemms)
    assert bench.counts["busy"] == rows_streamed
    # Short tiles do not hide all of the scratchpad's latency where B changes from one source to the other.
    assert cycles == rows_streamed + rows + cols + 8 + max(7 + b_scratchpad - cols, 0)


@pytest.mark.parametrize("b_scratchpad", [0, 1])
def test_short_tiles_take_as_long_as_their_words(b_scratchpad: int) -> None:
    rows, cols, tiles = 4, 6, 10
    bench = EngineBench(config_of(rows, cols), [gemm(m=2, n=cols, k_tiles=tiles, b_scratchpad=b_scratchpad)])
    assert bench.run() == (tiles - 1) * cols + 2 + rows + cols + 8


def test_many_small_gemms_at_full_size() -> None:
    """64 products of 16x16x16, each its own GEMM, at 85 % of the peak from the first instruction on."""
    config = config_of(16, 16)
    small = [gemm(m=16, n=16, a_addr=i, a_stride=3, b_addr=5 * i, b_stride=2, b_scratchpad=1) for i in range(64)]
    gemms = [Gemm(**{**vars(g), "release": int(i % 16 == 15)}) for i, g in enumerate(small)]
    bench = EngineBench(config, gemms)
    bench.run()
    assert 0.85 * len(bench.trace) <= 64 * 16


def test_full_banks_hold_the_array_back() -> None:
    bench = EngineBench(config_of(4, 4), [gemm(m=6, n=12, k_tiles=2)] * 3, drain_delay=60)
    bench.run()
    assert bench.counts["wait_bank"] > 300


@pytest.mark.parametrize(("b_scratchpad", "cause"), [(0, "wait_weights"), (1, "wait_operand")])
def test_missing_words_are_the_cause(b_scratchpad: int, cause: str) -> None:
    bench = EngineBench(config_of(4, 8), [gemm(m=4, n=8, k_tiles=20, b_scratchpad=b_scratchpad)], stalls=0.8, seed=3)
    bench.run()
    assert bench.counts[cause] > 200
    assert bench.counts["wait_bank"] == 0


def test_no_instruction_is_the_cause() -> None:
    bench = EngineBench(config_of(2, 2), [gemm(m=2, n=2)] * 40, stalls=0.9)
    bench.run()
    assert bench.counts["wait_instruction"] > 10


@pytest.mark.parametrize("hold_reset", [False, True])
@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (3, 5)])
def test_scrub_clears_the_accumulators(rows: int, cols: int, hold_reset: bool) -> None:
    """After it, a GEMM that does not clear starts from zero, with or without the reset that goes with it."""
    config = config_of(rows, cols, acc_depth=8)
    used = EngineBench(config, [gemm(m=8, n=cols)] * 2)
    used.scrub_after(hold_reset, gemm(m=8, n=cols, clear=0, b_scratchpad=1))


def test_works_with_the_scratchpad() -> None:
    """A and B in one bank, where B has to wait, and in different banks."""
    config = config_of(4, 4, scratchpad_kib=2, scratchpad_banks=2)
    same = gemm(m=9, n=11, k_tiles=3, a_stride=3, b_addr=60, b_stride=5, b_scratchpad=1)
    other = Gemm(**{**vars(same), "b_addr": 256})
    bench = EngineBench(config, [same, other, same])
    conflicts = bench.run_with_scratchpad()
    assert conflicts > 10
