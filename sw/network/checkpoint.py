"""A quantized BERT: integers only, independent of any accelerator's shape."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from files.loading import loading
from files.whole_file import write_whole

__all__ = ["Checkpoint", "Embedding", "Layer", "Linear", "Norm", "Slots"]

FORMAT = "systolm-checkpoint-1"
"""Key of the one header entry; several would make the bytes of a file depend on chance."""

TABLE_ENTRIES = 2048

BITS = {
    **dict.fromkeys(("g", "slot_g", "mul", "residual_mul", "score_mul", "context_mul"), 18),
    **dict.fromkeys(("b", "slot_b", "bias"), 28),
}
"""Widths, signed, of the device's parameters by field name."""

CODES = dict.fromkeys(("word_scale", "position"), 1 << 24)
"""Greatest magnitudes, by field name, of what is added up to an int16: far beyond, and float32 does not overflow."""

SHIFTS = ("shift", "pre_shift", "residual_shift", "score_pre_shift", "score_shift", "context_shift")
"""Fields of 5 bits, unsigned."""

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

    def check(self) -> None:
        """Make sure that shapes fit each other and values fit the device's fields.

        Raises
        ------
        ValueError
            With the name of the first tensor that does not fit, and why.
        """
        _check_texts(self)
        tensors = dict(_flatten(self))
        for name, shape in _shapes(self):
            if tensors[name].shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, not {tensors[name].shape}")
        for name, value in tensors.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite everywhere")
        for name, (low, high) in _ranges(self, tensors):
            value = tensors[name]
            if value.size and (value.min() < low or value.max() > high):
                raise ValueError(f"{name} must be from {low} to {high}, not {value.min()} to {value.max()}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file; a file that was there is replaced as a whole or not at all.

        Parameters
        ----------
        path : path
            Integers are stored in the narrowest type that holds them.

        Raises
        ------
        ValueError
            If the checkpoint does not pass :meth:`check`.
        """
        self.check()
        tensors = {name: _narrow(value) for name, value in _flatten(self)}
        header = {FORMAT: json.dumps({"labels": self.labels, "metadata": self.metadata}, sort_keys=True)}
        write_whole(Path(path), save(tensors, header))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError
            If it is not a whole checkpoint of this format, with the reason in one line.
        """
        with loading(path, "a SystoLM checkpoint"):
            with safe_open(path, "numpy") as file:
                header = file.metadata() or {}
                if FORMAT not in header:
                    raise ValueError(f"its header must have the entry {FORMAT!r}")
                texts = json.loads(header[FORMAT])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
            if not isinstance(texts, dict) or not isinstance(texts["labels"], list):
                raise ValueError("its header must be an object with a list of labels")
            if unknown := texts.keys() - {"labels", "metadata"}:
                raise ValueError(f"its header must have labels and metadata alone, not {min(unknown)!r}")
            checkpoint = cls(
                **_build_fields(cls, "", tensors),
                labels=tuple(texts["labels"]),
                metadata=texts["metadata"],
            )
            if tensors:
                raise ValueError(f"there is no place for the tensor {min(tensors)!r}")
            checkpoint.check()
        return checkpoint


def _flatten(value: Any, name: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield names and tensors of all numbers; those of the third layer begin with ``layers.2.``."""
    if is_dataclass(value):
        for field in fields(value):
            yield from _flatten(getattr(value, field.name), f"{name}.{field.name}" if name else field.name)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _flatten(item, f"{name}.{i}")
    elif isinstance(value, int | np.ndarray):
        yield name, np.asarray(value)


def _build_fields(cls: type, prefix: str, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Take a class's fields out of ``tensors``."""
    return {
        name: _build(hint, prefix + name, tensors)
        for name, hint in _type_hints(cls).items()
        if name not in ("labels", "metadata")
    }


@cache
def _type_hints(cls: type) -> dict[str, Any]:
    """Return the types of a class's fields; finding them takes longer than all else of a small checkpoint."""
    return get_type_hints(cls)


def _build(hint: Any, name: str, tensors: dict[str, NDArray[Any]]) -> Any:
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return hint(**_build_fields(hint, f"{name}.", tensors))
    if hint == tuple[Layer, ...]:
        count = len({key.split(".")[1] for key in tensors if key.startswith(f"{name}.")})
        return tuple(_build(Layer, f"{name}.{i}", tensors) for i in range(count))
    if hint is int:
        number = tensors.pop(name)
        if number.dtype.kind not in "iu":
            raise ValueError(f"{name} must be an integer, not {number.dtype}")
        return int(number.item())
    if type(None) in get_args(hint):
        return _build(get_args(hint)[0], name, tensors) if name in tensors else None
    dtype = get_args(get_args(hint)[1])[0]
    return tensors.pop(name).astype(dtype, casting="safe")


def _narrow(value: NDArray[Any]) -> NDArray[Any]:
    """The narrowest signed type that holds the integers; others as they are."""
    if value.dtype.kind != "i":
        return np.ascontiguousarray(value)
    low, high = value.min(initial=0), value.max(initial=0)
    dtype = next(t for t in (np.int8, np.int16, np.int32) if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return np.ascontiguousarray(value.astype(dtype)).reshape(value.shape)


def _check_texts(c: Checkpoint) -> None:
    """Make sure that labels can be told from each other and that metadata are texts."""
    if not all(isinstance(label, str) and label.strip() for label in c.labels):
        raise ValueError(f"labels must be names, not {list(c.labels)!r}")
    if len(set(c.labels)) < len(c.labels):
        raise ValueError(f"labels must differ from each other, not be {', '.join(c.labels)}")
    if len(c.labels) == 1:
        raise ValueError(
            f"a model must choose between two labels or more; num_labels=1 ({c.labels[0]}) is not supported"
        )
    if not isinstance(c.metadata, dict) or not all(isinstance(x, str) for pair in c.metadata.items() for x in pair):
        raise ValueError(f"metadata must be texts by name, not {c.metadata!r}")


def _shapes(c: Checkpoint) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield names of tensors and the shapes that they must have."""
    if c.embedding.word.ndim != 2 or not c.embedding.word.size or not c.layers or not c.labels:
        raise ValueError("a checkpoint must have word embeddings of two dimensions, layers and labels")
    if c.embedding.position.ndim != 2:
        raise ValueError(f"embedding.position must have two dimensions, not {c.embedding.position.ndim}")
    vocabulary, n = c.embedding.word.shape
    if c.heads < 1 or n % c.heads:
        raise ValueError(f"heads must divide the {n} hidden values, not be {c.heads}")
    yield "embedding.word_scale", (vocabulary,)
    yield "embedding.position", (len(c.embedding.position), n)
    for i, layer in enumerate(c.layers):
        yield from _layer_shapes(f"layers.{i}", layer, n, c.heads)
    yield from _norm_shapes("pooler_norm", c.pooler_norm, n)
    yield from _linear_shapes("pooler", c.pooler, n, n + c.pooler_norm.slot_channel.size)
    yield "tanh_table", (TABLE_ENTRIES,)
    yield from _linear_shapes("classifier", c.classifier, len(c.labels), n)
    yield "logit_scale", (len(c.labels),)


def _layer_shapes(name: str, layer: Layer, n: int, heads: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    ffn, slots = layer.ffn1.bias.size, layer.ffn1_slots.channel.size
    if not ffn:
        raise ValueError(f"{name}.ffn1.bias must not be empty")
    yield from _norm_shapes(f"{name}.input_norm", layer.input_norm, n)
    for matrix in ("query", "key", "value"):
        yield from _linear_shapes(f"{name}.{matrix}", getattr(layer, matrix), n, n + layer.input_norm.slot_channel.size)
    for field in ("score_mul", "score_pre_shift", "score_shift"):
        yield f"{name}.{field}", (heads,)
    yield f"{name}.softmax_table", (TABLE_ENTRIES,)
    yield f"{name}.context_mul", (n,)
    yield from _linear_shapes(f"{name}.output", layer.output, n, n, residual=True)
    yield from _norm_shapes(f"{name}.mid_norm", layer.mid_norm, n)
    yield from _linear_shapes(f"{name}.ffn1", layer.ffn1, ffn, n + layer.mid_norm.slot_channel.size)
    yield f"{name}.gelu_table", (TABLE_ENTRIES,)
    for field in ("channel", "bias", "mul"):
        yield f"{name}.ffn1_slots.{field}", (slots,)
    yield from _linear_shapes(f"{name}.ffn2", layer.ffn2, n, ffn + slots, residual=True)


def _norm_shapes(name: str, norm: Norm, n: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for field in ("g", "b"):
        yield f"{name}.{field}", (n,)
    for field in ("slot_channel", "slot_g", "slot_b"):
        yield f"{name}.{field}", (norm.slot_channel.size,)


def _linear_shapes(
    name: str, linear: Linear, n: int, k: int, *, residual: bool = False
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (n, k)
    for field in ("bias", "mul"):
        yield f"{name}.{field}", (n,)
    if residual and linear.residual_mul is None:
        raise ValueError(f"{name}.residual_mul must not be missing")
    if linear.residual_mul is not None:
        yield f"{name}.residual_mul", (n,)


def _ranges(c: Checkpoint, tensors: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield names of tensors and the least and greatest value that they may hold."""
    hidden = c.embedding.word.shape[1]
    for name in tensors:
        parent, _, field = name.rpartition(".")
        if field in BITS:
            yield name, (-(1 << (BITS[field] - 1)), (1 << (BITS[field] - 1)) - 1)
        elif field in CODES:
            yield name, (-CODES[field], CODES[field])
        elif field in SHIFTS:
            yield name, (0, 31)
        elif field == "slot_channel":
            yield name, (0, hidden - 1)
        elif field == "channel":
            yield name, (0, len(tensors[f"{parent.removesuffix('_slots')}.bias"]) - 1)
        elif field == "high":
            yield name, (0, 255)
