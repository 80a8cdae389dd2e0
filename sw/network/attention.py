"""Attention of all heads, from codes to contexts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spec.arithmetic import (
    T_BITS,
    reciprocal_scalars,
    requantize,
    round_shift,
    row_shifts,
    saturate,
    softmax_index,
)
from spec.codes import CODE
from spec.isa import TABLE_ENTRIES
from sw.network.arrays import Array, Flow, Int, Observer, Widths, matmul, wide
from sw.network.linear import Codes, Linear

__all__ = ["Attention"]


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Codes of contexts, heads side by side; every row sees all rows.

    Scores are int16 in steps of the softmax table; numerators are uint8 and their row sums are divided by when
    numerators have met the values; ``context_mul`` and ``context_shift`` then scale to codes.
    """

    name: str
    heads: int
    query: Linear
    key: Linear
    value: Linear  # per output channel
    score_mul: Int  # [heads], s18
    score_pre_shift: Int  # [heads]
    score_shift: Int  # [heads]
    softmax_table: NDArray[np.uint8]  # [2048]
    context_mul: Int  # [N], s18: DRAIN second SCALE after the row's reciprocal
    context_shift: int

    @property
    def matrices(self) -> tuple[tuple[str, Linear], ...]:
        """Query, key and value by their field's names."""
        return ("query", self.query), ("key", self.key), ("value", self.value)

    def shapes(self, before: Widths) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield names of tensors and the shapes that they must have."""
        n = self.query.bias.size
        if not n:
            raise ValueError(f"{self.name}.query.bias must not be empty")
        if self.heads < 1 or n % self.heads:
            raise ValueError(f"{self.name}.heads must divide the {n} values of a query, not be {self.heads}")
        for field, matrix in self.matrices:
            if not isinstance(matrix.then, Codes):
                raise ValueError(f"{self.name}.{field}.then must be Codes, not {type(matrix.then).__name__}")
            yield f"{field}.bias", (n,)
            for name, shape in matrix.shapes(before):
                yield f"{field}.{name}", shape
        for field in ("score_mul", "score_pre_shift", "score_shift"):
            yield field, (self.heads,)
        yield "softmax_table", (TABLE_ENTRIES,)
        yield "context_mul", (n,)

    def widths(self, before: Widths) -> Widths:
        """Return the columns of rows and codes."""
        return replace(before, channels=self.value.bias.size, slots=0, unsigned=False)

    def macs(self, before: Widths, rows: int, kept: int) -> int:
        """Return the model's own multiply-accumulates."""
        n = self.query.bias.size
        projections = (2 * rows + kept) * before.channels * n
        return projections + 2 * kept * rows * n

    def run(self, flow: Flow, kept: range, see: Observer) -> Flow:
        """Attend from the rows that are needed to all."""
        y = flow.operand
        own = slice(kept.start, kept.stop)
        query, key, value = (
            _heads(linear.codes(matmul(rows, linear.weight)), self.heads)
            for rows, linear in ((y[own], self.query), (y, self.key), (y, self.value))
        )
        per_head = (slice(None), np.newaxis, np.newaxis)
        scores = saturate(
            requantize(
                matmul(query, key),
                self.score_pre_shift[per_head],
                wide(self.score_mul[per_head]),
                self.score_shift[per_head],
            ),
            16,
        ).astype(np.int32)
        see(f"{self.name}.scores", scores)
        maximum = scores.max(2, keepdims=True)
        numerator = self.softmax_table.take(softmax_index(scores, maximum))
        mul, total, _ = reciprocal_scalars(numerator.sum(2, keepdims=True, dtype=np.int64))
        pre_shift, shift = row_shifts(total)
        context = requantize(matmul(numerator, value.transpose(0, 2, 1)), pre_shift, mul, shift)
        context = context.transpose(1, 0, 2).reshape(len(kept), -1)
        context = saturate(round_shift(context * self.context_mul, self.context_shift), T_BITS)
        context = np.clip(context, -CODE, CODE)
        see(f"{self.name}.context", context)
        return Flow(rows=flow.rows[own], codes=context)


def _heads(rows: Array, heads: int) -> Array:
    """[S, N] to [heads, S, N / heads]."""
    return rows.reshape(len(rows), heads, -1).transpose(1, 0, 2)
