"""The array engine against NumPy, and its cycles."""

import numpy as np
import pytest

from hw.config import AcceleratorConfig
from hw.isa import Gemm
from tests.hw.array.engine_bench import EngineBench

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
    EngineBench(config, random_gemms(config, rng, 12), seed=rows, stalls=stalls).run()
