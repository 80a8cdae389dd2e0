"""The float64 forms are the integer functions, bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.numpy import arithmetic
from spec import arithmetic as numerics

SHIFT = st.integers(0, 31)


def edges(bits):
    """Return signed integers of a width, often at its limits and around powers of two."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    powers = st.tuples(st.integers(0, bits - 1), st.integers(-2, 2), st.sampled_from([-1, 1]))
    near = powers.map(lambda p: max(low, min(high, p[2] * (1 << p[0]) + p[1])))
    return st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high]) | near | st.integers(low, high)


def vectors(bits):
    return arrays(np.int64, 32, elements=edges(bits))


def requantize(v, pre_shift, mul, shift):
    factor = mul * arithmetic.shift_factor(shift)
    return arithmetic.requantize(v.astype(np.float64), arithmetic.shift_factor(pre_shift), factor)


@given(v=vectors(33), pre_shift=SHIFT, mul=vectors(18), shift=SHIFT)
def test_requantize_by_columns(v, pre_shift, mul, shift):
    exact = numerics.requantize(v, pre_shift, mul, shift)
    np.testing.assert_array_equal(arithmetic.saturate(requantize(v, pre_shift, mul, shift), 18), exact)


@given(v=vectors(33), total=arrays(np.int64, 32, elements=st.integers(0, 63)), mul=vectors(18))
def test_requantize_by_rows(v, total, mul):
    pre_shift, shift = numerics.row_shifts(total)
    exact = numerics.requantize(v, pre_shift, np.abs(mul), shift)
    np.testing.assert_array_equal(arithmetic.saturate(requantize(v, pre_shift, np.abs(mul), shift), 18), exact)


@given(x=vectors(18), mul=vectors(18), shift=SHIFT)
def test_multiply_shift(x, mul, shift):
    exact = numerics.round_shift(x * mul, shift)
    np.testing.assert_array_equal(arithmetic.multiply_shift(x, mul * arithmetic.shift_factor(shift)), exact)


@given(x=vectors(36), bits=st.integers(2, 36))
def test_saturate(x, bits):
    np.testing.assert_array_equal(arithmetic.saturate(x.astype(np.float64), bits), numerics.saturate(x, bits))
