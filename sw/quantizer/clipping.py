"""Where to clip: wide enough for the large values, fine enough for the many small ones."""

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE

__all__ = ["FRACTIONS", "clip_thresholds"]

Float = NDArray[np.float32]

FRACTIONS = np.geomspace(0.12, 1, 32)
"""Thresholds that are tried, as parts of the greatest value."""


def clip_thresholds(values: Float, weight: Float | None = None) -> NDArray[np.float64]:
    """Return, for each column, the symmetric threshold with the least squared error of quantized values.

    Parameters
    ----------
    values : float32 [samples, columns]
    weight : float32, optional
        Importance of each error; broadcasts with ``values``.
    """
    largest = np.maximum(np.abs(values).max(0).astype(np.float64), 1e-9)
    best: NDArray[np.float64] = largest.copy()
    error = np.full(len(largest), np.inf)
    for fraction in FRACTIONS:
        step = (largest * fraction / CODE).astype(np.float32)
        residue = (values - np.clip(np.rint(values / step), -CODE, CODE) * step) ** 2
        total = (residue if weight is None else residue * weight).sum(0, dtype=np.float64)
        better = total < error
        best, error = np.where(better, largest * fraction, best), np.where(better, total, error)
    return best
