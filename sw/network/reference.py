"""The whole quantized BERT in integers, straight from the checkpoint: what every program must equal bit for bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spec.arithmetic import (
    layernorm_scalars,
    normalize,
    reciprocal_scalars,
    requantize,
    round_shift,
    row_shifts,
    saturate,
    scale_row,
    softmax_index,
)
from sw.network.checkpoint import Checkpoint, Layer, Linear, Norm

__all__ = ["embed", "forward"]

Array = NDArray[np.integer[Any]]
Observer = Callable[[str, Array], None]

CODE = 127
"""int8 codes of signed operands are symmetric: -128 is not used."""

INDEX = 2047
"""Greatest index of a table."""

EXACT_FLOAT32 = 1 << 24
"""Up to here float32 holds every integer, so that sums below it are exact in any order."""


def embed(checkpoint: Checkpoint, token_ids: ArrayLike) -> NDArray[np.int16]:
    """Return the rows that enter the device: word, position and token type embeddings of one text.

    Parameters
    ----------
    checkpoint : Checkpoint
    token_ids : ArrayLike of int, shape [S]
        Word pieces, with [CLS] first and [SEP] last.

    Returns
    -------
    rows : int16 [S, N]

    Raises
    ------
    ValueError
        If there are no tokens, more than positions, or an id is not in the vocabulary.
    """
    ids = np.asarray(token_ids, np.int64)
    table = checkpoint.embedding
    vocabulary, positions = len(table.word), len(table.position)
    if ids.ndim != 1 or not 1 <= len(ids) <= positions:
        raise ValueError(f"token_ids must be a list of 1 to {positions} ids, not an array of shape {ids.shape}")
    if ids.min() < 0 or ids.max() >= vocabulary:
        raise ValueError(f"token ids must be from 0 to {vocabulary - 1}, not {ids.min()} to {ids.max()}")
    rows = table.word[ids].astype(np.float32) * table.word_scale[ids, np.newaxis] + table.position[: len(ids)]
    limits = np.iinfo(np.int16)
    codes: NDArray[np.int16] = np.clip(np.rint(rows), limits.min, limits.max).astype(np.int16)
    return codes


def forward(checkpoint: Checkpoint, rows: NDArray[np.int16], observe: Observer | None = None) -> NDArray[np.int32]:
    """Classify one text.

    Parameters
    ----------
    checkpoint : Checkpoint
    rows : int16 [S, N]
        Rows as :func:`embed` makes them.
    observe : callable, optional
        Called with a name and the integers of each step, for reports and for finding where a program goes wrong.

    Returns
    -------
    logits : int32 [labels]
        In units of ``checkpoint.logit_scale``.
    """
    see = observe or _ignore
    x: Array = rows.astype(np.int64)
    last = len(checkpoint.layers) - 1
    for i, layer in enumerate(checkpoint.layers):
        # Only the [CLS] row is classified: the last layer needs the others for its keys and values alone.
        x = _encoder_layer(layer, checkpoint.heads, x, 1 if i == last else len(x), name=f"layers.{i}.", see=see)
    h, pooled = _layernorm(x[:1], checkpoint.pooler_norm)
    see("pooler_norm", h)
    index = np.clip(_linear(pooled, checkpoint.pooler), 0, INDEX)
    see("pooler", index)
    pooled = checkpoint.tanh_table.view(np.int8)[index].astype(np.int64)
    sums = _matmul(pooled, checkpoint.classifier.weight) + checkpoint.classifier.bias
    logits: NDArray[np.int32] = sums[0].astype(np.int32)
    return logits


def _encoder_layer(layer: Layer, heads: int, x: Array, kept: int, *, name: str, see: Observer) -> Array:
    """int16 residual sums [S, N] to those of the next layer [kept, N]."""
    h, y = _layernorm(x, layer.input_norm)
    see(f"{name}input_norm", h)
    context = _attention(layer, heads, y, kept, name=name, see=see)
    x = saturate(_linear(context, layer.output) + _residual(h[:kept], layer.output), 16)
    h, y = _layernorm(x, layer.mid_norm)
    see(f"{name}mid_norm", h)
    middle = _ffn_middle(layer, y)
    see(f"{name}ffn", middle)
    x = saturate(_linear(middle, layer.ffn2) + _residual(h, layer.ffn2), 16)
    see(f"{name}output", x)
    return x


def _layernorm(x: Array, norm: Norm) -> tuple[Array, Array]:
    """Return normalised rows in Q5.10 and their int8 codes, the extra K slots at the end."""
    mul, total, mean = layernorm_scalars(x.sum(1, keepdims=True), (x * x).sum(1, keepdims=True), x.shape[1])
    h = normalize(x, mean, mul, total)
    main = scale_row(h, _wide(norm.g), _wide(norm.b), norm.shift, -CODE, CODE)
    slots = scale_row(h[:, norm.slot_channel], _wide(norm.slot_g), _wide(norm.slot_b), norm.shift, -CODE, CODE)
    return h, np.concatenate([main, slots], axis=1)


def _attention(layer: Layer, heads: int, y: Array, kept: int, *, name: str, see: Observer) -> Array:
    """Context of the first ``kept`` rows, int8, heads side by side."""
    query, key, value = (
        _heads(_codes(_linear(rows, linear)), heads)
        for rows, linear in ((y[:kept], layer.query), (y, layer.key), (y, layer.value))
    )
    per_head = (slice(None), np.newaxis, np.newaxis)
    scores = saturate(
        requantize(
            _matmul(query, key),
            layer.score_pre_shift[per_head],
            _wide(layer.score_mul[per_head]),
            layer.score_shift[per_head],
        ),
        16,
    ).astype(np.int32)
    see(f"{name}scores", scores)
    maximum = scores.max(2, keepdims=True)
    numerator = layer.softmax_table.take(softmax_index(scores, maximum))
    mul, total, _ = reciprocal_scalars(numerator.sum(2, keepdims=True, dtype=np.int64))
    pre_shift, shift = row_shifts(total)
    context = requantize(_matmul(numerator, value.transpose(0, 2, 1)), pre_shift, mul, shift)
    context = context.transpose(1, 0, 2).reshape(kept, -1)
    context = saturate(round_shift(context * layer.context_mul, layer.context_shift), 18)
    context = np.clip(context, -CODE, CODE)
    see(f"{name}context", context)
    return context


def _ffn_middle(layer: Layer, y: Array) -> Array:
    """GELU of the first FFN matrix as u8, the repeated channels at the end."""
    sums = _matmul(y, layer.ffn1.weight)
    slots = layer.ffn1_slots
    excess = requantize(sums[:, slots.channel] + slots.bias, slots.pre_shift, _wide(slots.mul), slots.shift)
    index = _requantize(sums, layer.ffn1)
    np.clip(index, 0, INDEX, out=index)
    return np.concatenate([layer.gelu_table.take(index), np.clip(excess, 0, slots.high).astype(np.uint8)], axis=1)


def _linear(x: Array, linear: Linear) -> Array:
    return _requantize(_matmul(x, linear.weight), linear)


def _requantize(sums: Array, linear: Linear) -> Array:
    sums += linear.bias
    return requantize(sums, linear.pre_shift, _wide(linear.mul), linear.shift)


def _codes(values: Array) -> Array:
    """Saturate to int8."""
    return np.clip(values, -CODE, CODE, out=values).astype(np.int8)


def _residual(h: Array, linear: Linear) -> Array:
    if linear.residual_mul is None:
        raise ValueError("the output and ffn2 matrices of a checkpoint must have a residual_mul")
    return saturate(round_shift(h * linear.residual_mul, linear.residual_shift), 18)


def _wide(values: NDArray[np.int32]) -> Array:
    return values.astype(np.int64)


def _heads(rows: Array, heads: int) -> Array:
    """[S, N] to [heads, S, N / heads]."""
    return rows.reshape(len(rows), heads, -1).transpose(1, 0, 2)


def _matmul(a: Array, b: Array) -> Array:
    """``a . b^T`` over the last axes, exactly, at the speed of float32 BLAS.

    K is cut into parts whose sums float32 holds exactly; operands are 8 bits wide. Sums are int32 where biases may be
    added to them.
    """
    step = EXACT_FLOAT32 >> 15  # |u8 * s8| < 2**15
    dtype = np.int32 if a.shape[-1] <= 1 << 14 else np.int64
    left, right = a.astype(np.float32), np.swapaxes(b, -1, -2).astype(np.float32)
    product: Array = (left[..., :step] @ right[..., :step, :]).astype(dtype)
    for k in range(step, a.shape[-1], step):
        product += (left[..., k : k + step] @ right[..., k : k + step, :]).astype(dtype)
    return product


def _ignore(name: str, values: Array) -> None:
    """Observe nothing."""
    del name, values
