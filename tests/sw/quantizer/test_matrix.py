"""Rows without weights are exact constants, and no bias is lost beside them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spec.arithmetic import requantize
from sw.families.real import RealLinear
from sw.network.linear import Linear, Sums
from sw.quantizer.matrix import BIAS_LIMIT, Matrix
from sw.quantizer.operand import Operand

K = 48


def operand() -> Operand:
    rng = np.random.default_rng(1)
    return Operand(
        scale=rng.uniform(0.01, 0.02, K),
        mean=rng.normal(0, 0.3, K),
        code_mean=rng.normal(0, 5, K),
        slot_channel=np.zeros(0, np.int32),
        limit=127,
    )


def linear(n: int = 40) -> RealLinear:
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(0, 0.2, (n, K)).astype(np.float32), rng.normal(0, 1, n).astype(np.float32)
    return RealLinear(name="matrix", weight=weight, bias=bias)


def results(made: Linear, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = codes @ made.weight.T.astype(np.int64) + made.bias
    return requantize(sums, made.pre_shift, made.mul.astype(np.int64), made.shift)


@pytest.mark.parametrize("lsb", [1e-5, 3e-4, 7 / 2047, 0.05])
@pytest.mark.parametrize("bias", [0.0, 0.3, -0.3, 2.0, -7.5])
@pytest.mark.parametrize("live", [True, False])
def test_rows_of_zeros_are_exact_constants(lsb: float, bias: float, live: bool) -> None:
    matrix = linear()
    dead = np.arange(19) if live else np.arange(40)
    matrix.weight[dead] = 0
    matrix.bias[dead] = bias
    with np.errstate(all="raise"):
        made = Matrix.quantize(matrix, operand()).linear("matrix", lsb, 0.25)
    codes = np.random.default_rng(3).integers(-127, 128, (50, K))
    expected = np.clip(np.rint((np.float64(np.float32(bias)) + 0.25) / lsb), -(2**17) + 1, 2**17 - 1)
    assert (results(made, codes)[:, dead] == expected).all()
    assert np.abs(made.bias).max() < 1 << 27
    assert np.abs(made.mul).max() < 1 << 17


@pytest.mark.parametrize("factor", [1e-2, 1e-4, 1e-7, 1e-12, 1e-30])
def test_small_rows_with_a_bias_keep_it_and_the_others_their_precision(factor: float) -> None:
    matrix, lsb = linear(), 0.05
    matrix.weight[3] *= np.float32(factor)
    matrix.bias[3] = 4.0
    made = Matrix.quantize(matrix, operand()).linear("matrix", lsb)
    assert np.abs(made.bias).max() < BIAS_LIMIT * 2
    codes = np.random.default_rng(3).integers(-60, 61, (50, K))
    centred = (codes - operand().code_mean) * operand().scale + operand().mean
    expected = (centred @ matrix.weight.T + matrix.bias) / lsb
    inside = np.abs(expected) < 2**17
    # Half a code, and the weights' own rounding.
    slack = 0.5 + 0.5 * np.sqrt(K) * 60 * (np.abs(matrix.weight) * operand().scale).max() / 127 / lsb
    assert np.abs(results(made, codes) - expected)[inside].max() < slack
    assert np.abs(results(made, codes)[:, 3] - expected[:, 3]).max() < 1.5


def test_results_that_stay_sums_are_exact_for_constants() -> None:
    matrix = linear(3)
    matrix.weight[:2] = 0
    matrix.bias[:2] = (-0.7, 0.0)
    with np.errstate(all="raise"):
        made = Matrix.quantize(matrix, operand()).sums("matrix")
    assert isinstance(made.then, Sums)
    assert not made.weight[:2].any()
    assert (made.bias[:2] * made.then.scale[:2]).tolist() == [np.float32(-0.7), 0]
