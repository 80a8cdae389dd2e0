"""LayerNorm of int16 rows, and their int8 codes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spec.arithmetic import layernorm_scalars, normalize, scale_row
from spec.codes import CODE
from sw.network.arrays import Flow, Int, Observer, Widths, wide

__all__ = ["Norm"]


@dataclass(frozen=True, kw_only=True)
class Norm:
    """Rows become normalised rows ``h`` in Q5.10, and codes ``clip(round_shift(h * g + b, shift), -127, 127)``.

    ``slot_channel[i]`` names the channel that extra K slot ``i`` repeats with its own ``slot_g`` and ``slot_b``; the
    first piece of such a channel stands in ``g`` and ``b``.
    """

    name: str
    g: Int  # [N], s18
    b: Int  # [N], s28
    shift: int
    slot_channel: Int  # [slots]
    slot_g: Int
    slot_b: Int

    def shapes(self, before: Widths) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield names of tensors and the shapes that they must have."""
        for field in ("g", "b"):
            yield field, (before.rows,)
        for field in ("slot_channel", "slot_g", "slot_b"):
            yield field, (self.slot_channel.size,)

    def widths(self, before: Widths) -> Widths:
        """Return the columns of rows and codes."""
        return Widths(rows=before.rows, normalised=True, channels=before.rows, slots=self.slot_channel.size)

    def macs(self, before: Widths, rows: int, kept: int) -> int:
        """Return none: the products of a norm are not counted."""
        del before, rows, kept
        return 0

    def run(self, flow: Flow, kept: range, see: Observer) -> Flow:
        """Normalise each row."""
        del kept
        x = flow.rows
        mul, total, mean = layernorm_scalars(x.sum(1, keepdims=True), (x * x).sum(1, keepdims=True), x.shape[1])
        h = normalize(x, mean, mul, total)
        see(self.name, h)
        main = scale_row(h, wide(self.g), wide(self.b), self.shift, -CODE, CODE)
        slots = scale_row(h[:, self.slot_channel], wide(self.slot_g), wide(self.slot_b), self.shift, -CODE, CODE)
        return Flow(rows=h, codes=np.concatenate([main, slots], axis=1))
