"""Real factors become integers of full precision that fit the multipliers."""

import numpy as np
import pytest

from spec.arithmetic import requantize
from sw.quantizer.scaling import common_shift, requantizer


@pytest.mark.parametrize("scale", [1e-6, 3e-3, 1.0, 700.0])
@pytest.mark.parametrize("bound", [1, 1000, 1 << 17, 1 << 26])
def test_requantizer_rounds_to_within_a_code(scale: float, bound: int) -> None:
    rng = np.random.default_rng(0)
    factors = rng.uniform(0.2, 1, 50) * scale * min(1, 30000 / (bound * scale))
    mul, pre_shift, shift = requantizer(factors, bound)
    assert np.abs(mul).max() < 1 << 17
    assert 0 <= pre_shift <= 31
    assert 0 <= shift <= 31
    sums = rng.integers(-bound, bound + 1, 50)
    got = requantize(sums, pre_shift, mul.astype(np.int64), shift)
    # Half a code of the last rounding, half of the first at the greatest factor, and the multiplier's own error.
    slack = 0.5 + 0.5 * 2**pre_shift * factors.max() + bound * (0.5 * 2.0 ** -(pre_shift + shift))
    assert np.abs(got - sums * factors).max() <= slack + 1e-9


def test_common_shift_is_the_greatest_that_fits_all() -> None:
    assert common_shift((np.array([1.0, -0.5]), 18)) == 16
    assert common_shift((np.array([1.0]), 18), (np.array([-1000.0]), 18)) == 7
    assert common_shift((np.array([1.0]), 18), (np.array([1000.0]), 28)) == 16
    assert common_shift((np.zeros(3), 18)) == 31
    assert common_shift((np.zeros(0), 18)) == 31


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="values must fit the device's parameters"):
        common_shift((np.array([1e9]), 18))
