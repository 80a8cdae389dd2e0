"""What a matrix must know about the codes that it multiplies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Operand"]

Real = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Operand:
    """Codes of K channels, then of extra slots that repeat channels; a channel's codes add up.

    ``x = offset + scale * codes`` with an offset that nobody needs to know: the bias of the consumer takes up the
    difference of the means, whether it comes from offsets, rounding or clipping.
    """

    scale: Real  # [K], value of one code
    mean: Real  # [K], of the real values
    code_mean: Real  # [K + slots], of the codes that stand for them
    slot_channel: NDArray[np.int32]  # [slots]
    limit: int  # greatest magnitude of a code
