"""A fine-tuned encoder and a few texts to a checkpoint of integers."""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np

from sw.families.load import load_model
from sw.families.real import (
    RealAttention,
    RealEmbed,
    RealLinear,
    RealNetwork,
    RealNode,
    RealNorm,
    RealPool,
    RealSelect,
)
from sw.families.tokenizer import Text, Tokenizer, Truncation
from sw.network.checkpoint import Checkpoint
from sw.network.network import Network, Node
from sw.network.select import Select
from sw.quantizer.activation import quantize_activation
from sw.quantizer.attention import quantize_attention
from sw.quantizer.embed import quantize_embed
from sw.quantizer.linear import RowScale, quantize_residual, quantize_rows, quantize_sums
from sw.quantizer.norm import NORMALIZED_ONE, quantize_norm
from sw.quantizer.operand import Operand
from sw.quantizer.pool import quantize_pool
from sw.quantizer.statistics import Statistics

__all__ = ["quantize", "quantize_network"]


def quantize(
    model: str | os.PathLike[str],
    texts: Iterable[Text],
    tokenizer: Tokenizer,
    *,
    max_length: int = 256,
    truncation: Truncation = "head_tail",
    slots: int = 16,
    metadata: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Quantize a Hugging Face encoder with a head for classification; the same input gives the same bytes.

    Parameters
    ----------
    model : str or path
        Folder.
    texts : iterable of str or pair of str
        Calibration: about a hundred texts like those that will be classified.
    tokenizer : Tokenizer
        The model's.
    max_length, truncation
        As :meth:`Tokenizer.encode` takes them.
    slots : int
        Most extra K slots for outlier channels after each norm and activation; one tile of the usual array.
    metadata : mapping of str, optional
        Source, licence and the like.

    Raises
    ------
    ModuleNotFoundError, OSError, ValueError
        As :func:`load_model`; ValueError also without calibration texts, or if the tokenizer does not fit the model.
    """
    loaded = load_model(model, tokenizer)
    limit = min(max_length, loaded.positions)
    encodings = [tokenizer.encode(text, limit, truncation) for text in texts]
    ids, types = [e.ids for e in encodings], [e.types for e in encodings]
    return quantize_network(loaded, ids, token_types=types, slots=slots, metadata=metadata)


def quantize_network(
    model: RealNetwork,
    texts: Iterable[Sequence[int]],
    *,
    token_types: Iterable[Sequence[int]] | None = None,
    slots: int = 16,
    metadata: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Quantize a model that is loaded, with token ids of calibration texts; otherwise as :func:`quantize`.

    ``token_types`` has those of each text; without, all are 0.
    """
    statistics = Statistics()
    count = 0
    for count, (ids, types) in enumerate(zip(texts, token_types or repeat(())), 1):  # noqa: B007, B905  # counts
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below, by name
            model.forward(ids, statistics, token_types=types)
    if not count:
        raise ValueError("there must be at least one calibration text")
    walk = _Walk(model, statistics, slots)
    nodes = []
    for number, node in enumerate(model.nodes):
        try:
            statistics.check(node.name)
            nodes.append(walk.quantize(number, node))
        except ValueError as error:
            raise ValueError(f"{node.name} cannot be quantized: {error}") from None
    return Checkpoint(
        network=Network(tuple(nodes)),
        labels=model.labels,
        task=model.task,
        metadata=dict(metadata or {}) | {"calibration_texts": str(count), "slots": str(slots)},
    )


class _Walk:
    """Goes through a model, and knows what the operators before the present one have left."""

    def __init__(self, model: RealNetwork, statistics: Statistics, slots: int) -> None:
        self._nodes, self._statistics, self._slots = model.nodes, statistics, slots
        self._rows: RowScale | None = None
        self._operand: Operand | None = None

    def quantize(self, number: int, node: RealNode) -> Node:
        """Return the integers of an operator."""
        statistics = self._statistics
        match node:
            case RealEmbed():
                return quantize_embed(node)
            case RealSelect():
                return Select(name=node.name, row=node.row)
            case RealPool():
                return quantize_pool(node, self._codes)
            case RealNorm():
                consumers = self._consumers(number, len(node.gamma))
                made, self._operand = quantize_norm(node, statistics, consumers, self._slots)
                self._rows = RowScale(step=node.gamma.astype(np.float64) / NORMALIZED_ONE, offset=node.beta)
                return made
            case RealAttention():
                (consumer,) = self._consumers(number)
                attention, self._operand = quantize_attention(node, statistics, self._codes, consumer)
                return attention
        match node.then:
            case "rows":
                linear, self._operand, self._rows = quantize_rows(node, statistics, self._codes)
                return linear
            case "residual":
                if self._rows is None:
                    raise ValueError("a matrix must add to the rows of a norm, or of another matrix")
                return quantize_residual(node, statistics, self._codes, self._rows)
            case "sums" | "nothing":
                return quantize_sums(node, self._codes)
        (consumer,) = self._consumers(number)
        # A head's one row stands where contexts did: there is room for its channels alone.
        slots = self._slots if consumer.then == "residual" else 0
        linear, self._operand = quantize_activation(node, statistics, self._codes, consumer, slots)
        return linear

    @property
    def _codes(self) -> Operand:
        if self._operand is None:
            raise ValueError("a matrix must stand behind a norm")
        return self._operand

    def _consumers(self, number: int, columns: int = 0) -> tuple[RealLinear, ...]:
        """Return the matrices that multiply what an operator leaves; a mean takes all columns as they are."""
        for node in self._nodes[number + 1 :]:
            if isinstance(node, RealAttention):
                return node.query, node.key, node.value
            if isinstance(node, RealLinear):
                return (node,)
            if isinstance(node, RealPool):
                return (
                    RealLinear(
                        name=node.name, weight=np.eye(columns, dtype=np.float32), bias=np.zeros(columns, np.float32)
                    ),
                )
        raise ValueError("a matrix must follow")
