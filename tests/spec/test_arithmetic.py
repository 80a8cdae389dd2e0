"""The integer arithmetic: against exact rationals where it rounds, against floats where it approximates."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec import arithmetic


def signed(bits):
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def array(*values):
    return np.array(values, np.int64)


def rounded(x: Fraction) -> int:
    """Round to the nearest integer, halves up."""
    return math.floor(x + Fraction(1, 2))


@given(x=signed(45), s=st.integers(0, 45))
def test_round_shift_rounds_halves_up(x, s):
    assert arithmetic.round_shift(array(x), s)[0] == rounded(Fraction(x, 1 << s))


@given(x=signed(62), bits=st.integers(2, 40))
def test_saturate_and_wrap(x, bits):
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    assert arithmetic.saturate(array(x), bits)[0] == max(low, min(high, x))
    wrapped = int(arithmetic.wrap(array(x), bits)[0])
    assert low <= wrapped <= high
    assert (wrapped - x) % (1 << bits) == 0


@given(v=signed(33), pre_shift=st.integers(0, 31), mul=signed(18), shift=st.integers(0, 31))
def test_requantize_stays_in_18_bits_and_has_the_value_of_its_two_roundings(v, pre_shift, mul, shift):
    def sat(x):
        return max(-(1 << 17), min((1 << 17) - 1, x))

    expected = sat(rounded(Fraction(sat(rounded(Fraction(v, 1 << pre_shift))) * mul, 1 << shift)))
    assert arithmetic.requantize(array(v), pre_shift, mul, shift)[0] == expected


@given(total=st.integers(0, 63))
def test_row_shifts_split_the_total(total):
    pre_shift, shift = arithmetic.row_shifts(array(total))
    assert pre_shift[0] + shift[0] == total
    assert shift[0] <= 18


@given(num=st.integers(1 << 23, (1 << 24) - 1), den=st.integers(1 << 23, (1 << 24) - 1))
def test_reciprocal_is_the_nearest_17_bit_quotient(num, den):
    mul, e = (int(x[0]) for x in arithmetic.reciprocal(array(num), array(den)))
    assert e == (num < den)
    assert 1 << 16 <= mul < 1 << 17
    assert mul == min(rounded(Fraction(num << (16 + e), den)), (1 << 17) - 1)


@given(total=st.integers(0, (1 << 24) - 1), acc=signed(26))
def test_reciprocal_scalars_divide_by_the_sum(total, acc):
    mul, shift, mean = arithmetic.reciprocal_scalars(array(total))
    assert mean[0] == 0
    assert 0 <= mul[0] < 1 << 17
    assert 0 <= shift[0] < 64
    value = Fraction(int(mul[0]), 1 << int(shift[0]))
    assert abs(value * max(total, 1) / 256 - 1) <= Fraction(1, 1 << 16)
    exact = Fraction(acc * 256, max(total, 1))
    if abs(exact) < 32000:
        pre_shift, s = arithmetic.row_shifts(shift)
        result = int(arithmetic.requantize(array(acc), pre_shift, mul, s)[0])
        # Half from each rounding, as the first is not magnified, and the multiplier's own error.
        assert abs(result - exact) <= 1 + abs(exact) * Fraction(1, 1 << 15)


@given(x=st.integers(0, (1 << 50) - 1))
def test_isqrt_is_exact(x):
    assert arithmetic._isqrt(array(x))[0] == math.isqrt(x)


@given(root=st.integers(1, (1 << 25) - 1), offset=st.sampled_from([-1, 0, 1]))
def test_isqrt_is_exact_around_squares(root, offset):
    x = root * root + offset
    assert arithmetic._isqrt(array(x))[0] == math.isqrt(x)


@given(x=st.integers(1, (1 << 62) - 1) | st.integers(0, 61).map(lambda bit: 1 << bit))
def test_bit_length_is_exact(x):
    assert arithmetic._bit_length(array(x))[0] == x.bit_length()


@given(a=signed(29), b=st.integers(0, (1 << 44) - 1), length=st.integers(1, (1 << 13) - 1))
def test_layernorm_scalars_fit_their_fields_whatever_the_statistics(a, b, length):
    mul, total, mean = (int(x[0]) for x in arithmetic.layernorm_scalars(array(a), array(b), length))
    assert 0 <= mul < 1 << 17
    assert 0 <= total < 64
    assert -(1 << 24) <= mean < 1 << 24


@pytest.mark.parametrize("length", [2, 16, 384, 400, 768, 1024])
@pytest.mark.parametrize("spread", [3, 50, 1000, 12000])
def test_normalised_rows_are_within_a_code_of_floats(length, spread):
    rng = np.random.default_rng(length * spread)
    x = np.clip(rng.normal(rng.normal(0, spread), spread, (64, length)), -(1 << 15), (1 << 15) - 1).astype(np.int64)
    x[:, 0], x[:, 1] = -spread, spread  # no row is constant
    mul, total, mean = (s[:, None] for s in arithmetic.layernorm_scalars(x.sum(axis=1), (x * x).sum(axis=1), length))
    h = arithmetic.normalize(x, mean, mul, total)
    exact = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True) * 1024
    limit = 1.0 + np.abs(exact) * 2**-15 + 1024 * 2**-9 / x.std(axis=1, keepdims=True)
    assert np.all(np.abs(h - exact) <= limit)


def test_a_constant_row_is_normalised_to_zero():
    x = np.full((1, 384), -12345, np.int64)
    mul, total, mean = (s[:, None] for s in arithmetic.layernorm_scalars(x.sum(axis=1), (x * x).sum(axis=1), 384))
    assert not arithmetic.normalize(x, mean, mul, total).any()


@given(x=signed(16), maximum=signed(29))
def test_softmax_index_is_a_place_in_the_table(x, maximum):
    index = int(arithmetic.softmax_index(array(x), array(maximum))[0])
    assert index == max(0, min(2047, maximum - x))


@given(
    h=signed(16), mul2=signed(18), bias=signed(28), shift=st.integers(0, 31), limits=st.tuples(signed(16), signed(16))
)
def test_scale_row(h, mul2, bias, shift, limits):
    low, high = sorted(limits)
    expected = max(low, min(high, rounded(Fraction(h * mul2 + bias, 1 << shift))))
    assert arithmetic.scale_row(array(h), mul2, bias, shift, low, high)[0] == expected
