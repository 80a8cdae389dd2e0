"""Tests of the benchmark of small products."""

import shutil

import numpy as np
import pytest

from bench.small_gemms import small_gemms
from sim import open_device
from spec.config import AcceleratorConfig

SMALL = {"scratchpad_kib": 64, "vector_kib": 1, "param_words": 32, "tables": 1}
CONFIG = AcceleratorConfig(rows=16, cols=16, lanes=16, acc_banks=8, acc_depth=256, **SMALL)
COMPILED = pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
BACKENDS = ["model", pytest.param("rtl", marks=[COMPILED, pytest.mark.long])]


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_exact(backend: str) -> None:
    gemms = small_gemms(CONFIG, read_back=True)
    result = open_device(backend, CONFIG).run(gemms.program, gemms.inputs)
    for name, expected in gemms.outputs.items():
        np.testing.assert_array_equal(result.outputs[name], expected)


@pytest.mark.parametrize("config", [CONFIG, AcceleratorConfig(rows=12, cols=20), AcceleratorConfig(rows=5, cols=11)])
def test_results_are_exact_in_any_shape(config: AcceleratorConfig) -> None:
    gemms = small_gemms(config, count=9, m=7, read_back=True)
    result = open_device("model", config).run(gemms.program, gemms.inputs)
    assert gemms.outputs
    for name, expected in gemms.outputs.items():
        np.testing.assert_array_equal(result.outputs[name], expected)


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_the_array_is_busy_most_of_the_time(backend: str) -> None:
    gemms = small_gemms(CONFIG)
    counters = gemms.counters(open_device(backend, CONFIG))
    assert gemms.ideal_cycles == counters["array_busy"] == 1024
    assert gemms.ideal_cycles >= 0.85 * counters["cycles"]


def test_models_do_not_count() -> None:
    with pytest.raises(ValueError, match="the device must count cycles"):
        small_gemms(CONFIG).counters(open_device("model", CONFIG))


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="operands of 64 products must fit a bank of 16 words"):
        small_gemms(AcceleratorConfig(scratchpad_kib=1))
