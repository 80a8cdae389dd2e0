"""A quantized BERT: integers only, independent of any accelerator's shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Checkpoint", "Embedding", "Layer", "Linear", "Norm", "Slots"]

Int = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Norm:
    """Scale of normalised rows to int8: ``clip(round_shift(h * g + b, shift), -127, 127)``.

    ``slot_channel[i]`` names the channel that extra K slot ``i`` repeats with its own ``slot_g`` and
    ``slot_b``; the first piece of such a channel stands in ``g`` and ``b``.
    """

    g: Int  # [N], s18
    b: Int  # [N], s28
    shift: int
    slot_channel: Int  # [slots]
    slot_g: Int
    slot_b: Int


@dataclass(frozen=True, kw_only=True)
class Linear:
    """``requantize(x . weight^T + bias, pre_shift, mul, shift)``; K holds the main channels, then the slots."""

    weight: NDArray[np.int8]  # [N, K + slots]
    bias: Int  # [N], s28
    mul: Int  # [N], s18
    pre_shift: int
    shift: int
    residual_mul: Int | None = None  # [N], s18: DRAIN second RESIDUAL
    residual_shift: int = 0


@dataclass(frozen=True, kw_only=True)
class Slots:
    """FFN channels repeated beyond the range of one code: plain clipped requantizations, no table."""

    channel: Int  # [slots] rows of ffn1's weight
    bias: Int
    mul: Int
    pre_shift: int
    shift: int
    high: int  # results are clipped to 0..high


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One encoder layer."""

    input_norm: Norm  # of the rows that enter; feeds query, key, value
    query: Linear  # results clipped to +-127, heads side by side
    key: Linear
    value: Linear  # per output channel
    score_mul: Int  # [heads]
    score_pre_shift: Int  # [heads]
    score_shift: Int  # [heads]
    softmax_table: NDArray[np.uint8]  # [2048]
    context_mul: Int  # [N], s18: DRAIN second SCALE after the row's reciprocal
    context_shift: int
    output: Linear  # with residual; int16
    mid_norm: Norm
    ffn1: Linear  # results are table indices, clipped to 0..2047
    gelu_table: NDArray[np.uint8]  # [2048]
    ffn1_slots: Slots
    ffn2: Linear  # u8 operand; with residual; int16


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """Host-side tables: ``round(word[t] * word_scale[t] + position[p])`` to int16 rows."""

    word: NDArray[np.int8]  # [vocabulary, N]
    word_scale: NDArray[np.float32]  # [vocabulary], in units of the int16 LSB
    position: NDArray[np.float32]  # [positions, N]: position + token type, in units of the LSB


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All integers of a quantized ``BertForSequenceClassification``."""

    heads: int
    embedding: Embedding
    layers: tuple[Layer, ...]
    pooler_norm: Norm  # of the last rows; only row 0 is used
    pooler: Linear  # results are table indices, clipped to 0..2047
    tanh_table: NDArray[np.uint8]  # [2048], int8 bit patterns
    classifier: Linear  # int32 results: mul, pre_shift and shift are not used
    logit_scale: NDArray[np.float32]  # [labels]: logits = int32 * scale
    labels: tuple[str, ...]
    metadata: dict[str, str]
