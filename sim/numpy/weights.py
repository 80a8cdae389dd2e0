"""Weights of one GEMM, from the stream."""

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.isa import Gemm

__all__ = ["StreamedWeights", "WeightCache"]

Float = NDArray[np.float32]
Parts = tuple[tuple[int, int], ...]

WeightCache = dict[tuple[Parts, int], Float]
"""Matrices by the parts of memory that they come from, and K; for weights that are the same in every run."""


class StreamedWeights:
    """Where a GEMM's words of the weight stream are in memory.

    Parameters
    ----------
    config : AcceleratorConfig
        Shape of the array.
    gemm : Gemm
        The instruction.
    parts : tuple of (int, int)
        First byte and end of consecutive parts of the stream.
    cache : WeightCache or None
        Where to keep the matrix, if it is the same in every run.
    """

    def __init__(self, config: AcceleratorConfig, gemm: Gemm, parts: Parts, cache: WeightCache | None) -> None:
        self._shape = (-(-gemm.n // config.cols), gemm.k_tiles, config.cols, config.rows)
        self._k = gemm.k_tiles * config.rows
        self._parts, self._cache = parts, cache

    def read(self, memory: NDArray[np.uint8]) -> Float:
        """Return B as ``[k, tiles * cols]``."""
        if self._cache is None:
            return self._matrix(memory)
        key = self._parts, self._k
        if key not in self._cache:
            self._cache[key] = self._matrix(memory)
        return self._cache[key]

    def _matrix(self, memory: NDArray[np.uint8]) -> Float:
        words = np.concatenate([memory[start:end] for start, end in self._parts]).view(np.int8)
        tiles = words.reshape(self._shape)[:, :, ::-1]  # the highest column comes first
        return tiles.transpose(1, 3, 0, 2).astype(np.float32).reshape(self._k, -1)
