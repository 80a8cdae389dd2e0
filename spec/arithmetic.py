"""The integer arithmetic of the device, as NumPy: this is the specification.

Values are carried in int64, or in int32 where they fit with half a shift's unit on top of them; every function states
the ranges it needs and gives. The RTL equals these functions bit for bit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.codes import INDEX
from spec.param_record import PARAM_BITS

__all__ = [
    "T_BITS",
    "layernorm_scalars",
    "normalize",
    "reciprocal",
    "reciprocal_scalars",
    "requantize",
    "round_shift",
    "row_shifts",
    "saturate",
    "scale_row",
    "softmax_index",
    "wrap",
]

Array = NDArray[np.integer[Any]]

T_BITS = PARAM_BITS["mul"]
"""Bits of both multipliers' operands, signed: one ECP5 MULT18X18D."""

MEAN_FRACTION = 8
"""Fraction bits of a row's mean."""


def round_shift(x: Array, s: Array | int) -> Array:
    """``(x + (1 << (s - 1))) >> s``, and ``x`` where ``s`` is 0: the one rounding rule."""
    if not isinstance(s, int):
        s = np.asarray(s, np.int64 if isinstance(x, int) else x.dtype)
    rounded = x + ((1 << s) >> 1)
    rounded >>= s
    return rounded


def saturate(x: Array, bits: int) -> Array:
    """Clip to a signed number of ``bits`` bits."""
    return np.clip(x, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def wrap(x: Array, bits: int) -> Array:
    """Keep the low ``bits`` bits as a signed number."""
    half = np.int64(1) << (bits - 1)
    return ((x + half) & ((np.int64(1) << bits) - 1)) - half


def requantize(v: Array, pre_shift: Array | int, mul: Array | int, shift: Array | int) -> Array:
    """First multiplier: s33 (or s26) to s18.

    ``t = sat18(round_shift(v, pre_shift)); sat18(round_shift(t * mul, shift))``
    """
    low, high = -(1 << (T_BITS - 1)), (1 << (T_BITS - 1)) - 1
    t = np.asarray(round_shift(v, pre_shift))
    np.clip(t, low, high, out=t)
    y = np.asarray(round_shift(t * mul, shift))
    return np.clip(y, low, high, out=y)


def row_shifts(total: Array) -> tuple[Array, Array]:
    """Split a row's total shift (0 to 63) into ``pre_shift`` and ``shift`` of :func:`requantize`."""
    return np.maximum(total - T_BITS, 0), np.minimum(total, T_BITS)


def scale_row(h: Array, mul2: Array, bias: Array, shift: int, low: int, high: int) -> Array:
    """Second multiplier of LAYERNORM and GATHER: s16 rows times s18 plus s28, to clipped int8."""
    return np.clip(round_shift(h * mul2 + bias, shift), low, high)


def normalize(x: Array, mean: Array, mul: Array, total: Array) -> Array:
    """LAYERNORM's first part: int16 rows to Q5.10 int16.

    ``d = (x << 8) - mean``, then :func:`requantize` with the row's scalars, then sat16.
    """
    pre, shift = row_shifts(total)
    return saturate(requantize((x << MEAN_FRACTION) - mean, pre, mul, shift), 16)


def softmax_index(x: Array, maximum: Array) -> Array:
    """Table index of an int16 score: ``clip(maximum - x, 0, 2047)``."""
    index: Array = np.clip(maximum - x, 0, INDEX)
    return index


def reciprocal(num: Array, den: Array) -> tuple[Array, Array]:
    """``num / den`` as ``mul * 2**(-16 - e)`` with 17-bit ``mul``; both in [2**23, 2**24).

    ``e = num < den``; ``mul = min(round(num * 2**(16 + e) / den), 2**17 - 1)``, halves rounded up.
    """
    e = (num < den).astype(np.int64)
    quotient = (num << (17 + e)) // den
    return np.minimum((quotient + 1) >> 1, (1 << 17) - 1), e


def layernorm_scalars(a: Array, b: Array, length: int) -> tuple[Array, Array, Array]:
    """Row unit after MOMENTS: ``a`` = sum (s29), ``b`` = sum of squares (u44), ``length`` values.

    Returns
    -------
    mul, total, mean
        Multiplier (17 bits), total shift (6 bits) and mean (s25, 8 fraction bits) for
        :func:`normalize`. With ``V = length * b - a * a`` (at least 1) scaled by ``4**k`` into
        [2**46, 2**48), ``r = isqrt(V)``: ``mul * 2**(-16 - e) = length * 2**(24 - n) / r`` where n is
        the bit length of ``length``, and ``total = 38 - k - n + e``.
    """
    n = int(length).bit_length()
    magnitude = ((np.abs(a) << (MEAN_FRACTION + 1)) // length + 1) >> 1
    mean = np.sign(a) * np.minimum(magnitude, (1 << 24) - 1)
    v = np.maximum(length * b - a * a, 1)
    k = (48 - _bit_length(v)) >> 1
    v = np.where(k >= 0, v << np.maximum(2 * k, 0), v >> np.maximum(-2 * k, 0))
    num = np.full_like(v, np.int64(length) << (24 - n))
    mul, e = reciprocal(num, _isqrt(v))
    return mul, 38 - k - n + e, mean


def reciprocal_scalars(total: Array) -> tuple[Array, Array, Array]:
    """Row unit after SOFTMAX: the row's sum (24 bits; 0 counts as 1) to its reciprocal.

    Returns
    -------
    mul, total, mean
        So that :func:`requantize` with :func:`row_shifts` gives ``acc * 256 / sum``; mean is 0.
    """
    total = np.maximum(total & ((1 << 24) - 1), 1)
    k = _bit_length(total) - 1
    mul, e = reciprocal(np.full_like(total, 1 << 23), total << (23 - k))
    return mul, k + 8 + e, np.zeros_like(total)


def _bit_length(x: Array) -> Array:
    """Bit length of positive numbers below 2**62, exactly."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    del mantissa
    length = exponent.astype(np.int64)
    return length - ((np.int64(1) << (length - 1)) > x)


def _isqrt(x: Array) -> Array:
    """Integer square root of numbers below 2**50."""
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)
    root -= root * root > x
    return root + ((root + 1) * (root + 1) <= x)
