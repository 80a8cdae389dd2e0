"""int8 weights, and the bias that makes the mean of the results right."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE
from spec.param_record import PARAM_BITS
from sw.families.real import RealLinear
from sw.network.linear import Codes, Linear, Residual, Rows, Sums, Table
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import FACTOR_BITS, POWER, requantizer

__all__ = ["FINEST", "Matrix"]

BIAS_REACH = 8
"""Biases are at most so many times the greatest sum without one; all sums of a matrix share the bits behind them."""

BIAS_LIMIT = 1 << (PARAM_BITS["bias"] - 2)
"""Biases stay below it, so that they fit a parameter record with room for rounding."""

FINEST = 64
"""Codes that the least step of a sum may make; finer ones do not fit the multipliers."""

_CODES = Codes()

Real = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """``real result = step * (codes . weight^T) + bias``, before it is known what happens to the result.

    Rows whose weights are all zero are constants.
    """

    weight: NDArray[np.int8]  # [N, K + slots]
    step: Real  # [N]
    bias: Real  # [N], real
    scaled: Real  # [N, K], real weights of the operand's codes
    mean: Real  # [N], of the real results
    operand: Operand

    @classmethod
    def quantize(cls, linear: RealLinear, operand: Operand) -> "Matrix":
        """Quantize weights per output channel; the operand's scales migrate into them."""
        scaled = linear.weight * operand.scale
        step = np.maximum(np.abs(scaled).max(1), np.finfo(np.float32).tiny) / CODE
        return cls._with_step(scaled, step, linear.bias + linear.weight @ operand.mean, operand)

    @classmethod
    def _with_step(cls, scaled: Real, step: Real, mean: Real, operand: Operand) -> "Matrix":
        weight = np.rint(scaled / step[:, np.newaxis]).astype(np.int8)
        weight = np.concatenate([weight, weight[:, operand.slot_channel]], axis=1)
        bias = mean - step * (weight @ operand.code_mean)
        return cls(weight=weight, step=step, bias=bias, scaled=scaled, mean=mean, operand=operand)

    @property
    def least_lsb(self) -> Real:
        """The finest codes that each row can have."""
        return self.step / FINEST

    def rows(self, channel: NDArray[np.int64]) -> "Matrix":
        """Some rows of the matrix."""
        names = ("weight", "step", "bias", "scaled", "mean")
        return replace(self, **{name: getattr(self, name)[channel] for name in names})

    def linear(
        self,
        name: str,
        lsb: NDArray[np.floating[Any]] | float,
        offset: NDArray[np.floating[Any]] | float = 0.0,
        then: Codes | Table | Rows | Residual = _CODES,
    ) -> Linear:
        """Results as codes of ``lsb``, after adding the real ``offset``; those of constant rows are exact."""
        made = self._with_room(offset)
        constant, lsb = made._constant, np.broadcast_to(lsb, made.step.shape)
        total = made.bias + offset
        bias = np.rint(np.where(constant, 0, total / made.step))
        limit = (1 << (FACTOR_BITS - 1)) - 1
        results = np.rint(total / lsb)[constant].clip(-limit, limit)
        bound = float((made._reach + np.abs(bias)).max())
        mul, pre_shift, shift = requantizer(np.where(constant, 0, made.step / lsb), bound, results)
        power = min(1 << shift, POWER)
        mul[constant], bias[constant] = power, results * 2.0 ** (shift + pre_shift) / power
        return Linear(
            name=name,
            weight=made.weight,
            bias=bias.astype(np.int32),
            mul=mul,
            pre_shift=pre_shift,
            shift=shift,
            then=then,
        )

    def sums(self, name: str) -> Linear:
        """Results stay as they are."""
        made = self._with_room(0.0)
        step = np.where(made._constant, np.where(made.bias == 0, 1, np.abs(made.bias)), made.step)
        return Linear(
            name=name,
            weight=made.weight,
            bias=np.rint(made.bias / step).astype(np.int32),
            mul=np.zeros(len(step), np.int32),
            pre_shift=0,
            shift=0,
            then=Sums(scale=step.astype(np.float32)),
        )

    @property
    def _constant(self) -> NDArray[np.bool_]:
        constant: NDArray[np.bool_] = ~np.any(self.weight, axis=1)
        return constant

    @property
    def _reach(self) -> NDArray[np.int64]:
        """Greatest magnitude of each sum without its bias."""
        reach: NDArray[np.int64] = np.abs(self.weight).sum(1, dtype=np.int64) * self.operand.limit
        return reach

    def _with_room(self, offset: NDArray[np.floating[Any]] | float) -> "Matrix":
        """The same with coarser weights where they are small beside their bias, so that it fits."""
        most = min(int(self._reach.max()) * BIAS_REACH, BIAS_LIMIT)
        least = np.abs(self.bias + offset) / max(most, 1)
        coarse = (self.step < least) & ~self._constant
        if not coarse.any():
            return self
        return self._with_step(self.scaled, np.where(coarse, least, self.step), self.mean, self.operand)
