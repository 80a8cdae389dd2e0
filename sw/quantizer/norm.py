"""A LayerNorm's output as int8 operand of the matrices behind it, outlier channels spread over extra K slots."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE
from spec.param_record import PARAM_BITS
from sw.families.real import RealLinear, RealNorm
from sw.network.norm import Norm
from sw.quantizer.clipping import FRACTIONS
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import common_shift
from sw.quantizer.statistics import Statistics

__all__ = ["NORMALIZED_ONE", "quantize_norm"]

NORMALIZED_ONE = 1024
"""1.0 in the Q5.10 of normalised rows."""

LEAST_SCALE = 1e-3

USUAL_REACH = 4.0
"""Of normalised values, where calibration shows no two rows that the device can tell apart."""

Float = NDArray[np.float32]
Real = NDArray[np.float64]


def quantize_norm(
    norm: RealNorm, statistics: Statistics, consumers: Sequence[RealLinear], slots: int
) -> tuple[Norm, Operand]:
    """Choose codes for ``gamma * h + beta``.

    Each channel is centred and divided by its gamma, which migrate into the consumers' biases and weights; what is
    left is one scale. Channels that need ``n`` times its range hold ``floor((y + i) / n)`` in ``n`` slots, which by
    Hermite's identity add up to ``y``.

    Parameters
    ----------
    norm : RealNorm
    statistics : Statistics
    consumers : sequence of RealLinear
        Their column energies say how much an error of a channel matters.
    slots : int
        Most extra slots.
    """
    name, gamma, beta = norm.name, norm.gamma.astype(np.float64), norm.beta.astype(np.float64)
    ends = np.stack([statistics.low(name) * gamma + beta, statistics.high(name) * gamma + beta])
    offset = ends.mean(0)
    spread = np.maximum(np.abs(gamma), LEAST_SCALE)
    reach = np.abs(ends - offset).max(0) / spread
    if reach.max() < 1 / NORMALIZED_ONE:
        reach = np.full_like(reach, USUAL_REACH)
    real = statistics.sample(name) * gamma + beta
    centred = ((real - offset) / spread).astype(np.float32)
    energy = sum(np.square(c.weight, dtype=np.float64).sum(0) for c in consumers) * np.square(spread)

    threshold, pieces = _search(centred, reach, energy.astype(np.float32), slots)
    lsb = threshold / CODE
    slot_channel = np.repeat(np.arange(len(pieces)), pieces - 1)
    channel = np.concatenate([np.arange(len(pieces)), slot_channel])
    nth = np.concatenate([np.zeros(len(pieces)), *(np.arange(1, n) for n in pieces)])
    count = pieces[channel]

    g = gamma / (spread * lsb * NORMALIZED_ONE)
    b = (beta - offset) / (spread * lsb)
    g, b = g[channel] / count, b[channel] / count + (nth + 0.5) / count - 0.5
    shift = common_shift((g, PARAM_BITS["mul2"]), (b, PARAM_BITS["bias"]))
    g, b = (np.rint(x * 2.0**shift).astype(np.int32) for x in (g, b))
    codes = np.floor(centred[:, channel] / (lsb * count) + (nth + 0.5) / count).clip(-CODE, CODE)
    main = len(pieces)
    made = Norm(
        name=name,
        g=g[:main],
        b=b[:main],
        shift=shift,
        slot_channel=slot_channel.astype(np.int32),
        slot_g=g[main:],
        slot_b=b[main:],
    )
    operand = Operand(
        scale=spread * lsb,
        mean=real.mean(0, dtype=np.float64),
        code_mean=codes.mean(0, dtype=np.float64),
        slot_channel=made.slot_channel,
        limit=CODE,
    )
    return made, operand


def _search(values: Float, reach: Real, weight: Float, slots: int) -> tuple[float, NDArray[np.int64]]:
    """Return the threshold with the least weighted error, and the pieces of each channel that go with it."""
    best = np.inf
    threshold, pieces = float(reach.max()), np.ones(len(reach), np.int64)
    for fraction in FRACTIONS:
        candidate = float(reach.max()) * fraction
        counts = _spend(values, reach, weight, candidate, slots)
        step, limit = np.float32(candidate / CODE), (candidate * counts).astype(np.float32)
        residue = values - np.clip(np.rint(values / step) * step, -limit, limit)
        error = float((np.square(residue) * weight).sum(dtype=np.float64))
        if error < best:
            best, threshold, pieces = error, candidate, counts
    return threshold, pieces


def _spend(values: Float, reach: Real, weight: Float, threshold: float, slots: int) -> NDArray[np.int64]:
    """Give slots to the channels that lose most by clipping at ``threshold``, until there are none left."""
    loss = np.square(np.maximum(np.abs(values) - np.float32(threshold), 0)).sum(0) * weight
    pieces = np.ones(len(reach), np.int64)
    for channel in np.argsort(-loss, kind="stable"):
        extra = min(int(np.ceil(reach[channel] / threshold)) - 1, slots)
        if extra <= 0:
            break
        pieces[channel] += extra
        slots -= extra
    return pieces
