"""The post-processor's arithmetic in float64: exactly the functions of :mod:`spec.arithmetic`, several times faster.

All values are integers of at most 36 bits, or such integers times a power of two that is at least ``2**-45``: float64
holds them, so that scaling by a power of two, adding a half and rounding down is :func:`spec.arithmetic.round_shift`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.arithmetic import T_BITS

__all__ = ["multiply_shift", "requantize", "saturate", "shift_factor"]

Float = NDArray[np.float64]


def shift_factor(shift: Any) -> Any:
    """Return ``2**-shift``."""
    return np.ldexp(1.0, -np.asarray(shift))


def saturate(x: Float, bits: int) -> Float:
    """Clip to a signed number of ``bits`` bits, in place."""
    half = float(1 << (bits - 1))
    return np.clip(x, -half, half - 1, out=x)


def requantize(v: Float, pre_factor: Any, factor: Any) -> Float:
    """:func:`spec.arithmetic.requantize` in place, but for the last saturation.

    Parameters
    ----------
    v : float64
        s33.
    pre_factor, factor : float64 or array
        ``2**-pre_shift`` and ``mul * 2**-shift``.
    """
    if np.ndim(pre_factor) or pre_factor != 1.0:
        v *= pre_factor
        _round(v)
    return multiply_shift(saturate(v, T_BITS), factor, out=v)


def multiply_shift(x: NDArray[Any], factor: Any, *, out: Float | None = None) -> Float:
    """Return ``round_shift(x * mul, shift)`` with ``factor = mul * 2**-shift``."""
    return _round(np.multiply(x, factor, out=out, dtype=np.float64))


def _round(x: Float) -> Float:
    x += 0.5
    return np.floor(x, out=x)
