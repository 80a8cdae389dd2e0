"""Sum and sum of squares of int16 rows."""

import numpy as np
from numpy.typing import NDArray

from sim.numpy.state import State
from spec.arithmetic import wrap

__all__ = ["add_moments"]

_A_BITS, _B_BITS = 29, 44


def add_moments(state: State, entries: slice, rows: NDArray[np.int16], *, first: bool) -> None:
    """Add ``rows`` ``[m, n]`` to statistics ``entries``, which wrap; ``first`` starts from zero."""
    exact = rows.astype(np.float64)
    a = exact.sum(axis=1).astype(np.int64)
    b = np.einsum("mn,mn->m", exact, exact).astype(np.int64)
    if not first:
        a += state.stats_a[entries]
        b += state.stats_b[entries]
    state.stats_a[entries] = wrap(a, _A_BITS)
    state.stats_b[entries] = b & ((1 << _B_BITS) - 1)
