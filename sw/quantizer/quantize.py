"""A fine-tuned BERT and a few texts to a checkpoint of integers."""

import os
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from sw.families.bert import load_bert
from sw.families.float_bert import FloatBert, FloatLayer, FloatLinear, FloatNorm
from sw.families.tokenizer import Tokenizer, Truncation
from sw.network.checkpoint import Checkpoint, Embedding, Layer, Linear
from sw.quantizer.attention import quantize_attention
from sw.quantizer.feed_forward import quantize_feed_forward
from sw.quantizer.matrix import WEIGHT_LIMIT, Matrix
from sw.quantizer.norm import NORMALIZED_ONE, quantize_norm
from sw.quantizer.operand import Operand
from sw.quantizer.scaling import common_shift
from sw.quantizer.statistics import Statistics

__all__ = ["quantize", "quantize_bert"]

RESIDUAL_MARGIN = 1.15
"""Room of the residual sums beyond the calibrated maximum."""

TANH_ENTRIES = 2048
TANH_REACH = 4.0
"""The tanh table covers -4 to 4."""

INT16_LIMIT = 32767


def quantize(
    model: str | os.PathLike[str],
    texts: Iterable[str],
    tokenizer: Tokenizer,
    *,
    max_length: int = 256,
    truncation: Truncation = "head_tail",
    slots: int = 16,
    metadata: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Quantize a Hugging Face ``BertForSequenceClassification``; the same input gives the same bytes.

    Parameters
    ----------
    model : str or path
        Folder.
    texts : iterable of str
        Calibration: about a hundred texts like those that will be classified.
    tokenizer : Tokenizer
        The model's.
    max_length, truncation
        As :meth:`Tokenizer.encode` takes them.
    slots : int
        Most extra K slots for outlier channels after each norm and GELU; one tile of the usual array.
    metadata : mapping of str, optional
        Source, licence and the like.

    Raises
    ------
    ModuleNotFoundError, OSError, ValueError
        As :func:`load_bert`; ValueError also without calibration texts, or if the tokenizer does not fit the model.
    """
    bert = load_bert(model, tokenizer)
    limit = min(max_length, len(bert.position))
    ids = [tokenizer.encode(text, limit, truncation).ids for text in texts]
    return quantize_bert(bert, ids, slots=slots, metadata=metadata)


def quantize_bert(
    bert: FloatBert, texts: Iterable[list[int]], *, slots: int = 16, metadata: Mapping[str, str] | None = None
) -> Checkpoint:
    """Quantize a model that is loaded, with token ids of calibration texts; otherwise as :func:`quantize`."""
    statistics = Statistics()
    count = 0
    for count, ids in enumerate(texts, 1):  # noqa: B007  # counts
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below, by name
            bert.forward(ids, statistics)
    if not count:
        raise ValueError("there must be at least one calibration text")
    layers = []
    for i, layer in enumerate(bert.layers):
        try:
            statistics.check(f"layers.{i}.")
            layers.append(_layer(layer, f"layers.{i}.", statistics, bert.heads, slots))
        except ValueError as error:
            raise ValueError(f"layer {i} cannot be quantized: {error}") from None
    statistics.check()
    pooler_norm, operand = quantize_norm(bert.pooler_norm, "pooler_norm", statistics, [bert.pooler], slots)
    tanh_lsb = 2 * TANH_REACH / TANH_ENTRIES
    pooler = Matrix.quantize(bert.pooler, operand).linear(tanh_lsb, TANH_REACH)
    tanh_table, pooled = _tanh(statistics, tanh_lsb)
    weight, bias, logit_scale = Matrix.quantize(bert.classifier, pooled).sums()
    zeros = np.zeros(len(bert.labels), np.int32)
    return Checkpoint(
        heads=bert.heads,
        embedding=_embedding(bert),
        layers=tuple(layers),
        pooler_norm=pooler_norm,
        pooler=pooler,
        tanh_table=tanh_table,
        classifier=Linear(weight=weight, bias=bias, mul=zeros, pre_shift=0, shift=0),
        logit_scale=logit_scale,
        labels=bert.labels,
        metadata=dict(metadata or {}) | {"calibration_texts": str(count), "slots": str(slots)},
    )


def _layer(layer: FloatLayer, name: str, statistics: Statistics, heads: int, slots: int) -> Layer:
    consumers = [layer.query, layer.key, layer.value]
    input_norm, operand = quantize_norm(layer.input_norm, f"{name}input_norm", statistics, consumers, slots)
    attention = quantize_attention(layer, name, statistics, operand, heads)
    mid_norm, operand = quantize_norm(layer.mid_norm, f"{name}mid_norm", statistics, [layer.ffn1], slots)
    feed_forward = quantize_feed_forward(layer, name, statistics, operand, slots)
    return Layer(
        input_norm=input_norm,
        query=attention.query,
        key=attention.key,
        value=attention.value,
        score_mul=attention.score_mul,
        score_pre_shift=attention.score_pre_shift,
        score_shift=attention.score_shift,
        softmax_table=attention.softmax_table,
        context_mul=attention.context_mul,
        context_shift=attention.context_shift,
        output=_with_residual(layer.output, attention.context, layer.input_norm, statistics.magnitude(f"{name}output")),
        mid_norm=mid_norm,
        ffn1=feed_forward.ffn1,
        gelu_table=feed_forward.gelu_table,
        ffn1_slots=feed_forward.slots,
        ffn2=_with_residual(layer.ffn2, feed_forward.middle, layer.mid_norm, statistics.magnitude(f"{name}ffn2")),
    )


def _with_residual(linear: FloatLinear, operand: Operand, norm: FloatNorm, magnitude: float) -> Linear:
    """A matrix whose result is added to ``gamma * h + beta``; ``magnitude`` is the sums' calibrated maximum."""
    matrix = Matrix.quantize(linear, operand)
    lsb = max((magnitude or 1.0) * RESIDUAL_MARGIN / INT16_LIMIT, float(matrix.least_lsb.max()))
    factor = norm.gamma.astype(np.float64) / (NORMALIZED_ONE * lsb)
    shift = common_shift((factor, 18))
    made = matrix.linear(lsb, norm.beta)
    return Linear(
        weight=made.weight,
        bias=made.bias,
        mul=made.mul,
        pre_shift=made.pre_shift,
        shift=made.shift,
        residual_mul=np.rint(factor * 2.0**shift).astype(np.int32),
        residual_shift=shift,
    )


def _tanh(statistics: Statistics, index_lsb: float) -> tuple[NDArray[np.uint8], Operand]:
    """Return the table of tanh as int8 bit patterns, and its codes as operand of the classifier."""
    sample = statistics.sample("pooled")
    lsb = 1 / WEIGHT_LIMIT
    table = np.rint(np.tanh(np.arange(TANH_ENTRIES) * index_lsb - TANH_REACH) / lsb).astype(np.int8)
    operand = Operand(
        scale=np.full(sample.shape[1], lsb),
        mean=sample.mean(0, dtype=np.float64),
        code_mean=np.rint(sample / lsb).mean(0, dtype=np.float64),
        slot_channel=np.zeros(0, np.int32),
        limit=WEIGHT_LIMIT,
    )
    return table.view(np.uint8), operand


def _embedding(bert: FloatBert) -> Embedding:
    """int8 word embeddings, one scale a word; the LSB is so that no sum of word and position overflows int16."""
    lsb = (float(np.abs(bert.word).max() + np.abs(bert.position).max()) or 1.0) / INT16_LIMIT
    step = np.maximum(np.abs(bert.word).max(1), np.finfo(np.float32).tiny) / WEIGHT_LIMIT
    return Embedding(
        word=np.rint(bert.word / step[:, np.newaxis]).astype(np.int8),
        word_scale=(step / lsb).astype(np.float32),
        position=(bert.position / lsb).astype(np.float32),
    )
