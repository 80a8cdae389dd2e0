"""The row unit: scalars of rows from their statistics."""

from sim.numpy.state import State
from spec.arithmetic import layernorm_scalars, reciprocal_scalars

__all__ = ["RowUnit"]


class RowUnit:
    """Statistics ``addr`` to ``addr + m - 1``: LayerNorm of rows of ``length`` values, or reciprocals if it is None."""

    def __init__(self, addr: int, m: int, length: int | None) -> None:
        self._rows = slice(addr, addr + m)
        self._length = length

    def run(self, state: State) -> None:
        """Compute the scalars."""
        a, b = state.stats_a[self._rows], state.stats_b[self._rows]
        mul, total, mean = reciprocal_scalars(b) if self._length is None else layernorm_scalars(a, b, self._length)
        state.scalar_mul[self._rows] = mul
        state.scalar_total[self._rows] = total
        state.scalar_mean[self._rows] = mean
