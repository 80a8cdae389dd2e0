"""Accumulator banks, filled by GEMM and emptied by DRAIN in turn."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig

__all__ = ["Banks"]

Sums = NDArray[np.int32]


@dataclass(frozen=True)
class _Content:
    """What a bank holds: the rows written last, over what earlier and longer tiles have left."""

    rows: Sums
    below: "_Content | None" = None

    def read(self, m: int) -> Sums:
        if m <= len(self.rows) or self.below is None:
            return self.rows[:m]
        return np.concatenate([self.rows, self.below.read(m)[len(self.rows) :]])

    def overwrite(self, rows: Sums) -> "_Content":
        below: _Content | None = self
        while below is not None and len(below.rows) <= len(rows):
            below = below.below
        return _Content(rows, below)


class Banks:
    """The ring of banks.

    Instructions are executed one after the other, so a GEMM may be ahead of its DRAIN by more tiles than there are
    banks; every full tile is kept as it was when it was handed over.

    Parameters
    ----------
    config : AcceleratorConfig
        Number and shape of the banks.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._cols = config.cols
        empty = _Content(np.zeros((config.acc_depth, config.cols), np.int32))
        self._banks = deque([empty] * config.acc_banks)
        self._full: deque[_Content] = deque()

    def current(self, m: int) -> Sums:
        """Return ``m`` rows ``[m, cols]`` of the bank that the next tile goes to."""
        return self._banks[0].read(m)

    def fill(self, sums: Sums, *, release: bool) -> None:
        """Write column tiles ``[m, tiles * cols]`` to a bank each; ``release`` hands them over."""
        for start in range(0, sums.shape[1], self._cols):
            content = self._banks[0].overwrite(sums[:, start : start + self._cols])
            self._banks[0] = content
            if release:
                self._full.append(content)
                self._banks.rotate(-1)

    def take(self, tiles: int, m: int) -> Sums:
        """Return ``m`` rows of the next full tiles, side by side: ``[m, tiles * cols]``."""
        parts = [self._full.popleft().read(m) for _ in range(tiles)]
        return parts[0] if tiles == 1 else np.concatenate(parts, axis=1)
