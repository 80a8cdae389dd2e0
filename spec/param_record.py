"""The parameter record, with which the values of a column or a row are scaled, in eight bytes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PARAM_BITS", "RECORD_BYTES", "pack_records", "unpack_records"]

PARAM_BITS = {"bias": 28, "mul": 18, "mul2": 18}
"""Widths of the signed numbers in a record, low bits first."""

RECORD_BYTES = sum(PARAM_BITS.values()) // 8


def pack_records(*, bias: ArrayLike = 0, mul: ArrayLike = 0, mul2: ArrayLike = 0) -> NDArray[np.uint8]:
    """Return the bytes of records, as many as the arrays are long or 1; of each number its lowest bits."""
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(values, np.int64)) for values in (bias, mul, mul2)))
    words = np.zeros(columns[0].shape, np.uint64)
    for column, (place, width) in zip(columns, _places(), strict=True):
        words |= (column.astype(np.uint64) & np.uint64((1 << width) - 1)) << np.uint64(place)
    return words.astype("<u8").view(np.uint8)


def unpack_records(records: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return ``bias``, ``mul`` and ``mul2`` of records."""
    bias, mul, mul2 = (
        (records << np.uint64(64 - place - width)).view(np.int64) >> np.int64(64 - width) for place, width in _places()
    )
    return bias, mul, mul2


def _places() -> Iterator[tuple[int, int]]:
    """Yield the lowest bit and the width of each number."""
    place = 0
    for width in PARAM_BITS.values():
        yield place, width
        place += width
