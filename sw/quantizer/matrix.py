"""int8 weights, and the bias that makes the mean of the results right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.checkpoint import Linear
from sw.quantizer.float_bert import FloatLinear
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import requantizer

__all__ = ["Matrix"]

WEIGHT_LIMIT = 127


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """``real result = step * (codes . weight^T) + bias``, before it is known what happens to the result."""

    weight: NDArray[np.int8]  # [N, K + slots]
    step: NDArray[np.float64]  # [N]
    bias: NDArray[np.float64]  # [N], real
    limit: int  # of the operand's codes

    @classmethod
    def quantize(cls, linear: FloatLinear, operand: Operand) -> "Matrix":
        """Quantize weights per output channel; the operand's scales migrate into them."""
        scaled = linear.weight * operand.scale
        step = np.maximum(np.abs(scaled).max(1), np.finfo(np.float32).tiny) / WEIGHT_LIMIT
        weight = np.rint(scaled / step[:, np.newaxis]).astype(np.int8)
        weight = np.concatenate([weight, weight[:, operand.slot_channel]], axis=1)
        bias = linear.bias + linear.weight @ operand.mean - step * (weight @ operand.code_mean)
        return cls(weight=weight, step=step, bias=bias, limit=operand.limit)

    def linear(self, lsb: NDArray[np.floating[Any]] | float, offset: NDArray[np.floating[Any]] | float = 0.0) -> Linear:
        """Results as codes of ``lsb``, after adding the real ``offset``."""
        bias = np.rint((self.bias + offset) / self.step)
        mul, pre_shift, shift = requantizer(self.step / lsb, self.bound(bias))
        return Linear(weight=self.weight, bias=bias.astype(np.int32), mul=mul, pre_shift=pre_shift, shift=shift)

    def bound(self, bias: NDArray[np.float64]) -> float:
        """Greatest magnitude that a sum with its bias can have."""
        reach = np.abs(self.weight).sum(1, dtype=np.int64) * self.limit
        return float((reach + np.abs(bias)).max())
