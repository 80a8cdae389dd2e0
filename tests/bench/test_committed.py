"""Cheap deterministic figures, measured again: none may be clearly worse than in the committed results."""

from typing import Any

import pytest

from bench.arrays import ARRAYS
from bench.gemm import measure_attention, measure_product
from bench.measurement import Measurement
from bench.results import load_results

ARRAY = "16x16"

SHARE, LATENCY = 0.005, 8
"""What a register more in a pipeline costs: some cycles a run, or one for each of its instructions."""


def committed(shape: str) -> dict[str, Any]:
    return next(row for row in load_results()["gemm"]["rows"] if (row["array"], row["shape"]) == (ARRAY, shape))


def check(measurement: Measurement, shape: str) -> None:
    assert sum(measurement.attribution.values()) == measurement.cycles
    assert measurement.cycles <= committed(shape)["cycles"] * (1 + SHARE) + LATENCY


@pytest.mark.parametrize("shape", ["128x384x384", "1x768x768", "100x17x1000", "127x129x131", "17x33x65", "5x7x3"])
def test_product_takes_no_more_cycles(shape: str) -> None:
    m, n, k = map(int, shape.split("x"))
    check(measure_product(ARRAYS[ARRAY], m, n, k), shape)


@pytest.mark.parametrize("width", [32, 64])
def test_attention_takes_no_more_cycles(width: int) -> None:
    check(measure_attention(ARRAYS[ARRAY], width), f"12 heads of 128x{width}")
