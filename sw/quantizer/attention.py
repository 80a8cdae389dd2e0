"""Scales inside of attention: query, key, scores, value and context."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE
from spec.isa import TABLE_ENTRIES
from spec.param_record import PARAM_BITS
from sw.families.real import RealAttention, RealLinear
from sw.network.attention import Attention
from sw.quantizer.clipping import clip_thresholds
from sw.quantizer.matrix import FINEST, Matrix
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import common_shift, requantizer
from sw.quantizer.statistics import Statistics

__all__ = ["quantize_attention"]

TABLE_NATS = 8.0
"""The table ends at exp(-8); its step is the LSB of the score codes."""

NUMERATOR_ONE = 255
CONTEXT_FRACTION = 256
"""Contexts leave the row's reciprocal in 1/256 of the values' LSB."""

Float = NDArray[np.float32]
Real = NDArray[np.float64]


def quantize_attention(
    attention: RealAttention, statistics: Statistics, operand: Operand, consumer: RealLinear
) -> tuple[Attention, Operand]:
    """Choose scales: per head for queries and keys, per channel for values; return the contexts as operand, too.

    Parameters
    ----------
    attention : RealAttention
    statistics : Statistics
    operand : Operand
        What enters query, key and value.
    consumer : RealLinear
        Multiplies the contexts; its column energies say how much an error of a channel matters.
    """
    name, heads = attention.name, attention.heads
    size = len(attention.query.bias) // heads
    # The key's own bias adds the same to all scores of a row, and so would any other: it is free for centring.
    unbiased = replace(attention.key, bias=np.zeros_like(attention.key.bias))
    query, key, value = (Matrix.quantize(linear, operand) for linear in (attention.query, unbiased, attention.value))
    query_lsb = _head_lsb(statistics.sample(f"{name}.query"), query, heads)
    key_middle = _middle(statistics, f"{name}.key")
    key_lsb = _head_lsb(statistics.sample(f"{name}.key") - key_middle, key, heads)
    value_middle = _middle(statistics, f"{name}.value")
    value_lsb = clip_thresholds((statistics.sample(f"{name}.value") - value_middle).astype(np.float32)) / CODE
    value_lsb = np.maximum(value_lsb, value.least_lsb)

    factor = query_lsb * key_lsb / np.sqrt(size) * TABLE_ENTRIES / TABLE_NATS
    scores = [requantizer(f[np.newaxis], size * CODE**2) for f in factor]
    context_mul, context_shift, context = _context(name, statistics, value_lsb, value_middle, consumer)
    made = Attention(
        name=name,
        heads=heads,
        query=query.linear("query", np.repeat(query_lsb, size)),
        key=key.linear("key", np.repeat(key_lsb, size), -key_middle),
        value=value.linear("value", value_lsb, -value_middle),
        score_mul=np.concatenate([mul for mul, _, _ in scores]),
        score_pre_shift=np.array([pre_shift for _, pre_shift, _ in scores], np.int32),
        score_shift=np.array([shift for _, _, shift in scores], np.int32),
        softmax_table=_softmax_table(),
        context_mul=context_mul,
        context_shift=context_shift,
    )
    return made, context


def _context(
    name: str, statistics: Statistics, value_lsb: Real, middle: Real, consumer: RealLinear
) -> tuple[NDArray[np.int32], int, Operand]:
    """Return multiplier and shift from values' LSB / 256 to codes, and the codes as operand.

    The rows of softmax add up to one: what the values were centred by comes back through the next bias.
    """
    real = statistics.sample(f"{name}.context")
    ends = np.stack([statistics.low(f"{name}.context"), statistics.high(f"{name}.context")]) - middle
    spread = np.maximum(np.abs(ends).max(0), 1e-6)
    energy = np.square(consumer.weight, dtype=np.float64).sum(0) * np.square(spread)
    centred = ((real - middle) / spread).astype(np.float32)
    weight = np.broadcast_to(energy.astype(np.float32), centred.shape).reshape(-1, 1)
    scale = spread * clip_thresholds(centred.reshape(-1, 1), weight)[0] / CODE
    scale = np.maximum(scale, value_lsb / CONTEXT_FRACTION / FINEST)
    factor = value_lsb / (CONTEXT_FRACTION * scale)
    shift = common_shift((factor, PARAM_BITS["mul2"]))
    codes = np.rint((real - middle) / scale).clip(-CODE, CODE)
    operand = Operand(
        scale=scale,
        mean=real.mean(0, dtype=np.float64),
        code_mean=codes.mean(0),
        slot_channel=np.zeros(0, np.int32),
        limit=CODE,
    )
    return np.rint(factor * 2.0**shift).astype(np.int32), shift, operand


def _middle(statistics: Statistics, name: str) -> Real:
    """Middle of each column's range."""
    return (statistics.low(name).astype(np.float64) + statistics.high(name)) / 2


def _head_lsb(rows: NDArray[np.floating[Any]], matrix: Matrix, heads: int) -> Real:
    """Return one LSB for each head."""
    per_head = rows.reshape(len(rows), heads, -1).transpose(0, 2, 1).reshape(-1, heads)
    clipped = clip_thresholds(per_head.astype(np.float32)) / CODE
    lsb: Real = np.maximum(clipped, matrix.least_lsb.reshape(heads, -1).max(1))
    return lsb


def _softmax_table() -> NDArray[np.uint8]:
    exponent = np.arange(TABLE_ENTRIES) * (TABLE_NATS / TABLE_ENTRIES)
    table: NDArray[np.uint8] = np.rint(NUMERATOR_ONE * np.exp(-exponent)).astype(np.uint8)
    return table
