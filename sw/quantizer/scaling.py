"""Real factors to the integers of the device's multipliers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.param_record import PARAM_BITS

__all__ = ["FACTOR_BITS", "POWER", "common_shift", "requantizer"]

Real = NDArray[np.floating[Any]]

FACTOR_BITS = PARAM_BITS["mul"]
"""Signed width of both multipliers' operands."""

POWER = 1 << (FACTOR_BITS - 2)
"""The greatest power of two among the multipliers."""

MAX_SHIFT = 31


def common_shift(*groups: tuple[Real, int]) -> int:
    """Return the greatest shift at which ``round(values * 2**shift)`` of every group fits its signed width.

    Parameters
    ----------
    *groups : (values, bits)

    Raises
    ------
    ValueError
        If values do not even fit unshifted.
    """
    for shift in range(MAX_SHIFT, -1, -1):
        if all(np.abs(np.rint(v * 2.0**shift)).max(initial=0) < 1 << (bits - 1) for v, bits in groups):
            return shift
    raise ValueError("values must fit the device's parameters; is the model degenerate?")


def requantizer(factors: Real, bound: float, results: Real | None = None) -> tuple[NDArray[np.int32], int, int]:
    """Return ``mul``, ``pre_shift`` and ``shift`` that scale sums of at most ``bound`` by real factors.

    Parameters
    ----------
    factors : float [N]
    bound : float
        No sum is greater in magnitude, so that none saturates at 18 bits.
    results : float [M], optional
        Whole numbers of 18 bits that must be possible, too, as some sum times a power of two.
    """
    pre_shift = max(0, int(np.ceil(bound)).bit_length() - (FACTOR_BITS - 1))
    scaled = np.asarray(factors, np.float64) * 2.0**pre_shift
    powers = np.zeros(0) if results is None else results / POWER
    shift = common_shift((scaled, FACTOR_BITS), (powers, FACTOR_BITS))
    return np.rint(scaled * 2.0**shift).astype(np.int32), pre_shift, shift
