"""Activations as tables; large values of those without a bound are spread over extra slots."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE, INDEX
from spec.isa import TABLE_ENTRIES
from sw.families.real import ACTIVATIONS, RealLinear
from sw.network.linear import Linear, Slots, Table
from sw.quantizer.clipping import FRACTIONS
from sw.quantizer.matrix import Matrix
from sw.quantizer.operand import Operand
from sw.quantizer.statistics import Statistics

__all__ = ["quantize_activation"]

CODES = 255
LEAST_HIGH = 1.0
MARGIN = 1.1
"""Room of slots beyond the calibrated maximum."""

TANH_REACH = 4.0
"""The table of tanh covers -4 to 4."""

Float = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class _Rising:
    """An activation that is about zero far below, and the identity far above.

    Parameters
    ----------
    least : float
        Minus its least value: what the zero point makes room for.
    table_from : float
        Below, it is zero within half a code, or where it is zero.
    linear_from : float
        From here it is the identity within half a code, and a slot needs no table.
    """

    least: float
    table_from: float
    linear_from: float


_GELU = _Rising(least=0.17, table_from=-4.0, linear_from=3.0)

RISING = {
    "gelu": _GELU,
    "gelu_new": _GELU,
    "relu": _Rising(least=0.0, table_from=0.0, linear_from=0.0),
    "silu": _Rising(least=0.279, table_from=-10.0, linear_from=6.5),
}
"""Activations without an upper bound; the only other, tanh, has a table from -:data:`TANH_REACH` on."""


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """u8 codes of an activation up to ``high``: ``code = round(activation(x) / lsb) + zero``."""

    high: float
    least: float

    @property
    def lsb(self) -> float:
        return (self.high + self.least) / CODES

    @property
    def zero(self) -> int:
        return int(np.rint(self.least / self.lsb))

    @property
    def top(self) -> int:
        """Greatest code above the zero point; what one slot adds."""
        return CODES - self.zero

    def encode(self, activation: Float) -> Float:
        """Real values to codes above the zero point."""
        codes: Float = np.clip(np.rint(activation / np.float32(self.lsb)), -self.zero, self.top)
        return codes

    def excess(self, activation: Float, nth: NDArray[np.int64]) -> Float:
        """Codes of the ``nth`` slot: what is left above ``nth`` times the range, in columns of channels."""
        codes: Float = np.clip(np.rint(activation / np.float32(self.lsb)) - nth * self.top, 0, self.top)
        return codes


def quantize_activation(
    linear: RealLinear, statistics: Statistics, operand: Operand, consumer: RealLinear, slots: int
) -> tuple[Linear, Operand]:
    """Choose the range of an activation's codes, and the channels that get slots; return the codes as operand, too.

    Parameters
    ----------
    linear : RealLinear
        With an activation.
    statistics : Statistics
    operand : Operand
        What the matrix multiplies.
    consumer : RealLinear
        Multiplies the codes; its column energies say how much an error of a channel matters.
    slots : int
        Most extra slots.
    """
    if linear.then == "tanh":
        return _tanh(linear, statistics, operand)
    function, shape = ACTIVATIONS[linear.then], RISING[linear.then]
    activation = statistics.sample(f"{linear.name}.activated")
    largest = statistics.high(f"{linear.name}.activated")
    energy = np.square(consumer.weight).sum(0)
    codes, channel, nth = _search(shape, activation, largest, energy, slots)

    index_lsb = (max(codes.high, LEAST_HIGH) - shape.table_from) / INDEX
    grid = (np.arange(TABLE_ENTRIES) * index_lsb + shape.table_from).astype(np.float32)
    matrix = Matrix.quantize(linear, operand)
    main, excess = codes.encode(activation) + codes.zero, codes.excess(activation[:, channel], nth)
    table = Table(
        table=(codes.encode(function(grid)) + codes.zero).astype(np.uint8),
        unsigned=True,
        slots=_slots(matrix, codes, channel, nth),
    )
    middle = Operand(
        scale=np.full(len(energy), codes.lsb),
        mean=activation.mean(0, dtype=np.float64),
        code_mean=np.concatenate([main.mean(0, dtype=np.float64), excess.mean(0, dtype=np.float64)]),
        slot_channel=channel.astype(np.int32),
        limit=CODES,
    )
    return matrix.linear(linear.name, index_lsb, -shape.table_from, table), middle


def _tanh(linear: RealLinear, statistics: Statistics, operand: Operand) -> tuple[Linear, Operand]:
    """Give tanh its table."""
    sample = statistics.sample(f"{linear.name}.activated")
    index_lsb, lsb = 2 * TANH_REACH / TABLE_ENTRIES, 1 / CODE
    table = np.rint(np.tanh(np.arange(TABLE_ENTRIES) * index_lsb - TANH_REACH) / lsb).astype(np.int8)
    pooled = Operand(
        scale=np.full(sample.shape[1], lsb),
        mean=sample.mean(0, dtype=np.float64),
        code_mean=np.rint(sample / lsb).mean(0, dtype=np.float64),
        slot_channel=np.zeros(0, np.int32),
        limit=CODE,
    )
    then = Table(table=table.view(np.uint8), unsigned=False)
    return Matrix.quantize(linear, operand).linear(linear.name, index_lsb, TANH_REACH, then), pooled


def _slots(matrix: Matrix, codes: _Codes, channel: NDArray[np.int64], nth: NDArray[np.int64]) -> Slots:
    """Repeated rows of the first matrix, requantized straight to codes above ``nth`` times the range."""
    if len(channel) == 0:
        empty = np.zeros(0, np.int32)
        return Slots(channel=empty, bias=empty, mul=empty, pre_shift=0, shift=0, high=codes.top)
    linear = matrix.rows(channel).linear("slots", codes.lsb, -nth * codes.top * codes.lsb)
    return Slots(
        channel=channel.astype(np.int32),
        bias=linear.bias,
        mul=linear.mul,
        pre_shift=linear.pre_shift,
        shift=linear.shift,
        high=codes.top,
    )


def _search(
    shape: _Rising, activation: Float, largest: Float, energy: Float, slots: int
) -> tuple[_Codes, NDArray[np.int64], NDArray[np.int64]]:
    """Return codes with the least weighted error, and channel and number of each slot that goes with them."""
    best, found = np.inf, None
    for fraction in FRACTIONS:
        codes = _Codes(high=float(max(largest.max(), LEAST_HIGH)) * fraction, least=shape.least)
        channel, nth = _spend(shape, activation, largest, energy, codes, slots)
        approximation = codes.encode(activation)
        np.add.at(approximation.T, channel, codes.excess(activation[:, channel], nth).T)
        residue = activation - approximation * np.float32(codes.lsb)
        error = float((np.square(residue) * energy).sum(dtype=np.float64))
        if error < best:
            best, found = error, (codes, channel, nth)
    assert found is not None  # values have been checked to have finite squares
    return found


def _spend(
    shape: _Rising, activation: Float, largest: Float, energy: Float, codes: _Codes, slots: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give slots to the channels that lose most above the codes' range, until there are none left."""
    spent: list[tuple[int, int]] = []
    if codes.high >= shape.linear_from:
        loss = np.square(np.maximum(activation - np.float32(codes.high), 0)).sum(0) * energy
        for channel in np.argsort(-loss, kind="stable"):
            extra = int(np.ceil(largest[channel] * MARGIN / codes.high)) - 1
            if largest[channel] <= codes.high or len(spent) == slots:
                break
            spent += [(int(channel), nth) for nth in range(1, min(extra, slots - len(spent)) + 1)]
    table = np.array(spent, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
