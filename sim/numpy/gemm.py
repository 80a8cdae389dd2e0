"""GEMM: all column tiles of a matrix product at once, by float32 BLAS where that is exact."""

import numpy as np
from numpy.typing import NDArray

from sim.numpy.rows import row_view
from sim.numpy.state import State
from sim.numpy.weights import StreamedWeights
from spec.config import AcceleratorConfig
from spec.isa import Gemm

__all__ = ["GemmStep"]

Float = NDArray[np.float32]

_EXACT_K = {False: 1024, True: 512}
"""Longest K, by ``a_unsigned``, for which all sums of ``s8 * s8`` or ``u8 * s8`` stay within float32's 2**24."""


class GemmStep:
    """One GEMM.

    Parameters
    ----------
    config : AcceleratorConfig
        Shape of the array.
    gemm : Gemm
        The instruction, checked.
    weights : StreamedWeights or None
        B, unless it comes from the scratchpad.
    """

    def __init__(self, config: AcceleratorConfig, gemm: Gemm, weights: StreamedWeights | None) -> None:
        self._config, self._gemm, self._weights = config, gemm, weights
        self._k = gemm.k_tiles * config.rows
        self._tiles = -(-gemm.n // config.cols)

    def run(self, state: State) -> None:
        """Add the product to the bank, or fill one bank a tile."""
        gemm = self._gemm
        sums = self._product(self._a(state), self._b(state))
        if not gemm.clear:
            sums += state.banks.current(gemm.m)
        state.banks.fill(sums, release=bool(gemm.release))

    def _product(self, a: NDArray[np.uint8] | NDArray[np.int8], b: Float) -> NDArray[np.int32]:
        """Return ``a . b``, ``[m, k]`` times ``[k, columns]``, wrapped to 32 bits."""
        step = _EXACT_K[bool(self._gemm.a_unsigned)]
        sums = (a[:, :step].astype(np.float32) @ b[:step]).astype(np.int32)
        for k in range(step, self._k, step):
            sums += (a[:, k : k + step].astype(np.float32) @ b[k : k + step]).astype(np.int32)
        return sums

    def _a(self, state: State) -> NDArray[np.uint8] | NDArray[np.int8]:
        memory = state.scratchpad if self._gemm.a_unsigned else state.scratchpad.view(np.int8)
        return row_view(memory, self._gemm.a_addr * self._config.rows, self._gemm.m, self._stride("a"), self._k)

    def _b(self, state: State) -> Float:
        """Return B as ``[k, tiles * cols]``."""
        return self._weights.read(state.memory) if self._weights else self._scratchpad_b(state)

    def _scratchpad_b(self, state: State) -> Float:
        start, n = self._gemm.b_addr * self._config.rows, self._gemm.n
        b = np.zeros((self._tiles * self._config.cols, self._k), np.float32)
        b[:n] = row_view(state.scratchpad.view(np.int8), start, n, self._stride("b"), self._k)
        return b.T

    def _stride(self, operand: str) -> int:
        stride: int = getattr(self._gemm, f"{operand}_stride")
        return stride * self._config.rows
