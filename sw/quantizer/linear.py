"""Matrices of the residual stream and of the results."""

import numpy as np

from sw.families.real import RealLinear, RealNorm
from sw.network.linear import Linear, Residual
from sw.quantizer.matrix import Matrix
from sw.quantizer.norm import NORMALIZED_ONE
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import common_shift
from sw.quantizer.statistics import Statistics

__all__ = ["quantize_residual", "quantize_sums"]

RESIDUAL_MARGIN = 1.15
"""Room of the residual sums beyond the calibrated maximum."""

INT16_LIMIT = 32767


def quantize_residual(linear: RealLinear, statistics: Statistics, operand: Operand, norm: RealNorm) -> Linear:
    """Choose the step of the sums of a matrix's results and ``gamma * h + beta``.

    Parameters
    ----------
    linear : RealLinear
    statistics : Statistics
    operand : Operand
        What the matrix multiplies.
    norm : RealNorm
        What the rows have been through, whose beta the bias takes up.
    """
    matrix = Matrix.quantize(linear, operand)
    magnitude = statistics.magnitude(linear.name)
    lsb = max((magnitude or 1.0) * RESIDUAL_MARGIN / INT16_LIMIT, float(matrix.least_lsb.max()))
    factor = norm.gamma.astype(np.float64) / (NORMALIZED_ONE * lsb)
    shift = common_shift((factor, 18))
    then = Residual(mul=np.rint(factor * 2.0**shift).astype(np.int32), shift=shift)
    return matrix.linear(linear.name, lsb, norm.beta, then)


def quantize_sums(linear: RealLinear, operand: Operand) -> Linear:
    """Quantize the matrix of the model's results, whose sums leave the device as they are."""
    return Matrix.quantize(linear, operand).sums(linear.name)
