"""Bytes of weights and parameters in the order in which the device takes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spec.param_record import RECORD_BYTES, pack_records

__all__ = ["param_records", "split_k", "stream_tiles", "whole_words"]

Bytes = NDArray[np.uint8]


def whole_words(codes: NDArray[np.int8], rows: int) -> NDArray[np.int8]:
    """Pad the last axis with zeros to whole scratchpad words of ``rows`` bytes."""
    return np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, -codes.shape[-1] % rows)])


def split_k(weight: NDArray[np.int8], widths: Sequence[int], rows: int) -> NDArray[np.int8]:
    """Give consecutive pieces of K their own whole words.

    Parameters
    ----------
    weight : int8 [N, K]
    widths : sequence of int
        Lengths of the pieces; their sum is K.
    rows : int
        Bytes of a word.
    """
    pieces = np.split(weight, np.cumsum(widths)[:-1], axis=1)
    return np.concatenate([whole_words(piece, rows) for piece in pieces], axis=1)


def stream_tiles(weight: NDArray[np.int8], rows: int, cols: int) -> Bytes:
    """Cut a matrix into the tiles of the weight stream.

    Parameters
    ----------
    weight : int8 [N, K]
        K need not fill its last word, nor N its last tile.
    rows, cols : int
        Shape of the array.

    Returns
    -------
    uint8 [column tiles * k_tiles * cols * rows]
        Tile by tile, in each of them ``k`` by ``k``, the highest column first.
    """
    padded = np.pad(whole_words(weight, rows), ((0, -weight.shape[0] % cols), (0, 0)))
    tiles = padded.reshape(len(padded) // cols, cols, -1, rows).transpose(0, 2, 1, 3)[:, :, ::-1]
    return np.ascontiguousarray(tiles).view(np.uint8).reshape(-1)


def param_records(lanes: int, *, bias: ArrayLike = 0, mul: ArrayLike = 0, mul2: ArrayLike = 0) -> Bytes:
    """Pack parameters of neighbouring columns, ``lanes`` records a word, zeros to the end of the last."""
    records = pack_records(bias=bias, mul=mul, mul2=mul2)
    return np.pad(records, (0, -len(records) % (lanes * RECORD_BYTES)))
