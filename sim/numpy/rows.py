"""Rows of equal length at a stride, in memories that are flat arrays of values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["row_view", "store_rows"]


def row_view(values: NDArray[Any], start: int, rows: int, stride: int, width: int) -> NDArray[Any]:
    """Return ``width`` values of each of ``rows`` rows ``stride`` apart, as a view of a flat memory; all in values."""
    size = values.itemsize
    return np.ndarray((rows, width), values.dtype, values.data, start * size, (stride * size, size))


def store_rows(memory: NDArray[Any], start: int, stride: int, values: NDArray[Any], block: int) -> None:
    """Write ``[m, n]`` to a flat memory; where rows overlap, in the order ``block`` by block of columns, row by row."""
    rows, width = values.shape
    if rows == 1 or stride >= width:
        row_view(memory, start, rows, stride, width)[...] = values
        return
    for column in range(0, width, block):
        for row in range(rows):
            part = values[row, column : column + block]
            first = start + row * stride + column
            memory[first : first + len(part)] = part
