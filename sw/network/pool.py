"""A vector for the whole text: the mean of its rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sw.network.arrays import Array, Flow, Int, Observer, Widths

__all__ = ["Pool"]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Results are the int32 sums of the codes over the rows that come, a row's slots behind its channels.

    What they mean is up to :meth:`vector`: the mean of ``scale * code + offset``, a channel's slots added to it.
    """

    name: str
    scale: NDArray[np.float32]  # [N], value of one code
    offset: NDArray[np.float32]  # [N]
    slot_channel: Int  # [slots]
    normalise: bool

    def shapes(self, before: Widths) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield names of tensors and the shapes that they must have."""
        yield "scale", (before.channels,)
        yield "offset", (before.channels,)
        yield "slot_channel", (before.slots,)

    def widths(self, before: Widths) -> Widths:
        """Return the columns of the sums."""
        return before

    def macs(self, before: Widths, rows: int, kept: int) -> int:
        """Return none: additions are not counted."""
        del before, rows, kept
        return 0

    def run(self, flow: Flow, kept: range, see: Observer) -> Flow:
        """Add up the rows."""
        del kept
        sums: Array = flow.operand.astype(np.int32).sum(0, keepdims=True, dtype=np.int32)
        see(self.name, sums)
        return Flow(rows=flow.rows[:1], codes=sums)

    def vector(self, sums: Array, rows: int) -> NDArray[np.float32]:
        """Return the vector float32 [N] of sums [N + slots] over some rows, of length 1 if it is normalised."""
        channels = len(self.scale)
        totals = sums[:channels].astype(np.float64)
        np.add.at(totals, self.slot_channel, sums[channels : channels + len(self.slot_channel)])
        vector = totals / rows * self.scale + self.offset
        if self.normalise:
            vector /= max(float(np.linalg.norm(vector)), 1e-12)
        return vector.astype(np.float32)
