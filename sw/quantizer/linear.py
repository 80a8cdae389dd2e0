"""Matrices of the rows and of the results."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE, INT16
from spec.param_record import PARAM_BITS
from sw.families.real import RealLinear
from sw.network.linear import Linear, Residual, Rows
from sw.quantizer.clipping import clip_thresholds
from sw.quantizer.matrix import Matrix
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import common_shift
from sw.quantizer.statistics import Statistics

__all__ = ["RowScale", "quantize_residual", "quantize_rows", "quantize_sums"]

RESIDUAL_MARGIN = 1.15
"""Room of the int16 sums beyond the calibrated maximum."""


Real = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RowScale:
    """What the int16 rows stand for: ``step * row + offset``."""

    step: Real  # [N]
    offset: NDArray[np.floating[Any]]  # [N]


def quantize_residual(linear: RealLinear, statistics: Statistics, operand: Operand, rows: RowScale) -> Linear:
    """Choose the step of the sums of a matrix's results and the rows.

    Parameters
    ----------
    linear : RealLinear
    statistics : Statistics
    operand : Operand
        What the matrix multiplies.
    rows : RowScale
        What it adds to; the bias takes up their offset.
    """
    matrix = Matrix.quantize(linear, operand)
    magnitude = statistics.magnitude(linear.name)
    lsb = max((magnitude or 1.0) * RESIDUAL_MARGIN / INT16, float(matrix.least_lsb.max()))
    factor = rows.step / lsb
    shift = common_shift((factor, PARAM_BITS["mul2"]))
    then = Residual(mul=np.rint(factor * 2.0**shift).astype(np.int32), shift=shift)
    return matrix.linear(linear.name, lsb, rows.offset, then)


def quantize_rows(linear: RealLinear, statistics: Statistics, operand: Operand) -> tuple[Linear, Operand, RowScale]:
    """Choose one step for the rows, and one a channel for their codes; both are centred.

    Returns
    -------
    linear : Linear
    codes : Operand
    rows : RowScale
    """
    matrix = Matrix.quantize(linear, operand)
    low, high = (end.astype(np.float64) for end in (statistics.low(linear.name), statistics.high(linear.name)))
    middle, real = (low + high) / 2, statistics.sample(linear.name)
    reach = float((high - low).max()) / 2 or 1.0
    lsb = max(reach * RESIDUAL_MARGIN / INT16, float(matrix.least_lsb.max()))
    scale = np.maximum(clip_thresholds((real - middle).astype(np.float32)) / CODE, matrix.least_lsb)
    # The same offset, and with it the same weights.
    codes = matrix.linear("codes", scale, -middle)
    then = Rows(bias=codes.bias, mul=codes.mul, pre_shift=codes.pre_shift, shift=codes.shift)
    left = Operand(
        scale=scale,
        mean=real.mean(0, dtype=np.float64),
        code_mean=np.rint((real - middle) / scale).clip(-CODE, CODE).mean(0),
        slot_channel=np.zeros(0, np.int32),
        limit=CODE,
    )
    made = matrix.linear(linear.name, lsb, -middle, then)
    return made, left, RowScale(step=np.full(len(middle), lsb), offset=middle)


def quantize_sums(linear: RealLinear, operand: Operand) -> Linear:
    """Quantize the matrix of the model's results, whose sums leave the device as they are."""
    return Matrix.quantize(linear, operand).sums(linear.name)
