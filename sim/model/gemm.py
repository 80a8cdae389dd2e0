"""GEMM: all column tiles of a matrix product at once, by float32 BLAS where that is exact."""

import numpy as np
from numpy.typing import NDArray

from hw.config import AcceleratorConfig
from hw.isa import Gemm
from sim.model.rows import row_view
from sim.model.state import State

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
    weight_bytes : tuple of slice
        Where in memory its words of the weight stream are, in order; empty if B comes from the scratchpad.
    constant : bool
        The weights are the same in every run, and may be kept ready.
    """

    def __init__(self, config: AcceleratorConfig, gemm: Gemm, weight_bytes: tuple[slice, ...], constant: bool) -> None:
        self._config, self._gemm = config, gemm
        self._weight_bytes, self._constant = weight_bytes, constant
        self._k = gemm.k_tiles * config.rows
        self._tiles = -(-gemm.n // config.cols)
        self._kept: Float | None = None

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
        if self._gemm.b_scratchpad:
            return self._scratchpad_b(state)
        if self._kept is not None:
            return self._kept
        weights = self._streamed_b(state)
        if self._constant:
            self._kept = weights
        return weights

    def _scratchpad_b(self, state: State) -> Float:
        start, n = self._gemm.b_addr * self._config.rows, self._gemm.n
        b = np.zeros((self._tiles * self._config.cols, self._k), np.float32)
        b[:n] = row_view(state.scratchpad.view(np.int8), start, n, self._stride("b"), self._k)
        return b.T

    def _streamed_b(self, state: State) -> Float:
        rows, cols = self._config.rows, self._config.cols
        words = np.concatenate([state.memory[part] for part in self._weight_bytes]).view(np.int8)
        tiles = words.reshape(self._tiles, self._gemm.k_tiles, cols, rows)[:, :, ::-1]
        return tiles.transpose(1, 3, 0, 2).astype(np.float32).reshape(self._k, self._tiles * cols)

    def _stride(self, operand: str) -> int:
        stride: int = getattr(self._gemm, f"{operand}_stride")
        return stride * self._config.rows
