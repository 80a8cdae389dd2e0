"""What calibration texts show of every step: extremes of each column, and a sample of rows."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Statistics"]

GREATEST = 1e9
"""Beyond, squares overflow on the way."""

Float = NDArray[np.float32]


class Statistics:
    """Observer of :meth:`sw.families.real.RealNetwork.forward`.

    Parameters
    ----------
    rows_per_text : int
        Rows that are kept of every text and step; extremes are those of all rows.
    seed : int
        Which rows.
    """

    def __init__(self, *, rows_per_text: int = 24, seed: int = 0) -> None:
        self._rows, self._rng = rows_per_text, np.random.default_rng(seed)
        self._samples: dict[str, list[Float]] = {}
        self._low: dict[str, Float] = {}
        self._high: dict[str, Float] = {}

    def __call__(self, name: str, rows: Float) -> None:
        """Take in the rows [S, N] of one text."""
        low, high = rows.min(0), rows.max(0)
        if name in self._low:
            low, high = np.minimum(low, self._low[name]), np.maximum(high, self._high[name])
        self._low[name], self._high[name] = low, high
        kept = rows
        if len(rows) > self._rows:
            kept = rows[np.sort(self._rng.choice(len(rows), self._rows, replace=False))]
        self._samples.setdefault(name, []).append(kept.copy())

    def sample(self, name: str) -> Float:
        """Rows [texts * rows_per_text, N]."""
        return np.concatenate(self._samples[name])

    def low(self, name: str) -> Float:
        """Least value of each column."""
        return self._low[name]

    def high(self, name: str) -> Float:
        """Greatest value of each column."""
        return self._high[name]

    def check(self, prefix: str = "") -> None:
        """Raise ValueError if a step whose name begins so has values that are no numbers, or too large ones."""
        for name in self._low:
            if name.startswith(prefix) and not self.magnitude(name) <= GREATEST:
                raise ValueError(
                    f"{name} must stay within {GREATEST:g} on the calibration texts, not reach {self.magnitude(name):g}"
                )

    def magnitude(self, name: str) -> float:
        """Greatest absolute value."""
        return float(np.maximum(np.abs(self._low[name]), np.abs(self._high[name])).max())
