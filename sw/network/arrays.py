"""What all operators share: arrays of integers, exact products, and what flows from one operator to the next."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Flow", "Int", "Observer", "Widths", "matmul", "wide"]

Array = NDArray[np.integer[Any]]
Int = NDArray[np.int32]
Observer = Callable[[str, Array], None]

_EXACT_FLOAT32 = 1 << 24
"""Up to here float32 holds every integer, so that sums below it are exact in any order."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Integers between two operators.

    ``rows`` [S, N] are int16: residual sums, the normalised rows in Q5.10 behind a norm, or what a matrix has made.
    ``codes`` [S, K] are what the next matrix multiplies, int8 or uint8; none behind the embedding.
    """

    rows: Array
    codes: Array | None = None

    @property
    def operand(self) -> Array:
        """The codes, which must be there."""
        assert self.codes is not None, "a network's shapes have been checked"
        return self.codes


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Columns of a :class:`Flow`: of its rows, and of its codes the model's own ``channels`` and the extra ``slots``.

    Rows are ``normalised`` behind a norm, or made by a matrix in place of such: another may add to them. Codes are
    ``unsigned`` or signed.
    """

    rows: int
    normalised: bool = False
    channels: int = 0
    slots: int = 0
    unsigned: bool = False

    @property
    def codes(self) -> int:
        """Columns of the codes: K of the next matrix."""
        return self.channels + self.slots


def matmul(a: Array, b: Array) -> Array:
    """``a . b^T`` over the last axes, exactly, at the speed of float32 BLAS.

    K is cut into parts whose sums float32 holds exactly; operands are 8 bits wide. Sums are int32 where biases may be
    added to them.
    """
    step = _EXACT_FLOAT32 >> 15  # |u8 * s8| < 2**15
    dtype = np.int32 if a.shape[-1] <= 1 << 14 else np.int64
    left, right = a.astype(np.float32), np.swapaxes(b, -1, -2).astype(np.float32)
    product: Array = (left[..., :step] @ right[..., :step, :]).astype(dtype)
    for k in range(step, a.shape[-1], step):
        product += (left[..., k : k + step] @ right[..., k : k + step, :]).astype(dtype)
    return product


def wide(values: Int) -> Array:
    """Return parameters as int64."""
    return values.astype(np.int64)
