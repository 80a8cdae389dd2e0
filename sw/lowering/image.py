"""The constants of a program, as they stand in memory."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Image"]


class Image:
    """Bytes that are appended piece by piece, each at a multiple of the bus width.

    Parameters
    ----------
    alignment : int
        Bytes of a bus word.
    """

    def __init__(self, alignment: int) -> None:
        self._alignment = alignment
        self._pieces: list[NDArray[np.uint8]] = []
        self.size = 0

    def add(self, data: NDArray[np.uint8]) -> int:
        """Append bytes and return their address."""
        address = self.size
        self._pieces += [data.reshape(-1), np.zeros(-data.size % self._alignment, np.uint8)]
        self.size += data.size + self._pieces[-1].size
        return address

    def to_array(self) -> NDArray[np.uint8]:
        """Return all bytes as one array that cannot be written."""
        array = np.concatenate([*self._pieces, np.zeros(0, np.uint8)])
        array.flags.writeable = False
        return array
