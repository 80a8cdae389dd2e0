"""Matrices of int8 weights, and what becomes of their sums."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spec.arithmetic import T_BITS, requantize, round_shift, saturate
from spec.codes import CODE, INDEX
from spec.isa import TABLE_ENTRIES
from sw.network.arrays import Array, Flow, Int, Observer, Widths, matmul, wide

__all__ = ["Codes", "Linear", "Residual", "Rows", "Slots", "Sums", "Table"]


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Results are int8 codes, clipped to -127 to 127."""


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Channels repeated beyond the range of one code: clipped requantizations ``0..high`` without table."""

    channel: Int  # [slots] rows of the weight
    bias: Int
    mul: Int
    pre_shift: int
    shift: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Table:
    """Results are indices, clipped to 0 to 2047, of a table of codes; the codes of ``slots`` come behind.

    ``unsigned`` codes are uint8, others int8 bit patterns.
    """

    table: NDArray[np.uint8]  # [2048]
    unsigned: bool
    slots: Slots | None = None


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Results become the rows and saturate at int16; scaled otherwise, they are the int8 codes of the rows, too."""

    bias: Int  # [N], s28; of the codes, as those that follow
    mul: Int  # [N], s18
    pre_shift: int
    shift: int


@dataclass(frozen=True, kw_only=True)
class Residual:
    """Results are added to ``round_shift(h * mul, shift)`` of the rows that are there and saturate at int16."""

    mul: Int  # [N], s18: DRAIN second RESIDUAL
    shift: int


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Results are the int32 sums themselves: ``mul``, ``pre_shift`` and ``shift`` are not used."""

    scale: NDArray[np.float32]  # [N]: the real values are sums * scale


@dataclass(frozen=True, kw_only=True)
class Linear:
    """``requantize(codes . weight^T + bias, pre_shift, mul, shift)``, then what ``then`` says.

    K of the weights holds the channels of the codes, then their slots.
    """

    name: str
    weight: NDArray[np.int8]  # [N, K]
    bias: Int  # [N], s28
    mul: Int  # [N], s18
    pre_shift: int
    shift: int
    then: Codes | Table | Rows | Residual | Sums

    def shapes(self, before: Widths) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield names of tensors and the shapes that they must have."""
        n = self.bias.size
        if not n:
            raise ValueError(f"{self.name}.bias must not be empty")
        yield "weight", (n, before.codes)
        yield "bias", (n,)
        yield "mul", (n,)
        match self.then:
            case Table(slots=slots):
                yield "then.table", (TABLE_ENTRIES,)
                for field in ("channel", "bias", "mul") if slots else ():
                    assert slots is not None
                    yield f"then.slots.{field}", (slots.channel.size,)
            case Rows():
                yield "then.bias", (n,)
                yield "then.mul", (n,)
            case Residual():
                yield "then.mul", (before.rows,)
                yield "bias", (before.rows,)
            case Sums():
                yield "then.scale", (n,)

    def widths(self, before: Widths) -> Widths:
        """Return the columns of rows and codes."""
        n = self.bias.size
        match self.then:
            case Table(slots=slots, unsigned=unsigned):
                more = slots.channel.size if slots else 0
                return replace(before, channels=n, slots=more, unsigned=unsigned)
            case Rows():
                return Widths(rows=n, normalised=True, channels=n)
            case Residual():
                return Widths(rows=before.rows)
        return replace(before, channels=n, slots=0, unsigned=False)

    def macs(self, before: Widths, rows: int, kept: int) -> int:
        """Return the model's own multiply-accumulates: none of slots."""
        del rows
        return kept * before.channels * self.bias.size

    def run(self, flow: Flow, kept: range, see: Observer) -> Flow:
        """Multiply the codes."""
        del kept
        sums = matmul(flow.operand, self.weight)
        match self.then:
            case Sums():
                sums += self.bias
                see(self.name, sums)
                return Flow(rows=flow.rows, codes=sums)
            case Rows() as then:
                codes = requantize(sums + then.bias, then.pre_shift, wide(then.mul), then.shift)
                x = saturate(self.requantize(sums), 16)
                see(self.name, x)
                return Flow(rows=x, codes=np.clip(codes, -CODE, CODE))
            case Residual(mul=mul, shift=shift):
                x = saturate(self.requantize(sums) + saturate(round_shift(flow.rows * mul, shift), T_BITS), 16)
                see(self.name, x)
                return Flow(rows=x)
            case Table() as then:
                codes = self._look_up(sums, then)
                see(self.name, codes)
                return Flow(rows=flow.rows, codes=codes)
        return Flow(rows=flow.rows, codes=self.codes(sums))

    def requantize(self, sums: Array) -> Array:
        """Add the bias, in place, and scale."""
        sums += self.bias
        return requantize(sums, self.pre_shift, wide(self.mul), self.shift)

    def codes(self, sums: Array) -> Array:
        """Return sums without bias as int8 codes."""
        values = self.requantize(sums)
        return np.clip(values, -CODE, CODE, out=values).astype(np.int8)

    def _look_up(self, sums: Array, then: Table) -> Array:
        slots = then.slots
        excess = None
        if slots:
            excess = requantize(sums[:, slots.channel] + slots.bias, slots.pre_shift, wide(slots.mul), slots.shift)
        index = self.requantize(sums)
        np.clip(index, 0, INDEX, out=index)
        codes: Array = (then.table if then.unsigned else then.table.view(np.int8)).take(index)
        if slots is None or excess is None:
            return codes
        return np.concatenate([codes, np.clip(excess, 0, slots.high).astype(np.uint8)], axis=1)
