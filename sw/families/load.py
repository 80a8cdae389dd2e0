"""Load a Hugging Face encoder as a :class:`RealNetwork`, or say why it cannot run."""

import os
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sw.families.model_folder import existing_folder, load_packages
from sw.families.read_config import ModelConfig, read_config
from sw.families.read_weights import read_weights
from sw.families.real import (
    RealAttention,
    RealEmbed,
    RealLinear,
    RealNetwork,
    RealNode,
    RealNorm,
    RealPool,
    RealSelect,
    Then,
)
from sw.families.tokenizer import Tokenizer

__all__ = ["load_model"]

HEAD = ("pooler", "classifier")
"""Names of the head's operators, whatever a family calls its weights."""


def load_model(model: str | os.PathLike[str], tokenizer: Tokenizer | None = None) -> RealNetwork:
    """Read a fine-tuned encoder of one of the families, with a classifier or for vectors.

    Parameters
    ----------
    model : str or path
        Folder, as ``save_pretrained`` writes it.
    tokenizer : Tokenizer, optional
        What must have an embedding for each of its ids.

    Raises
    ------
    ModuleNotFoundError
        If torch or transformers are not installed.
    OSError
        If there is no such model.
    ValueError
        If it is damaged, another architecture or a variant that the device does not run, with the layer and the reason.
    """
    load_packages()
    folder = existing_folder(model)
    config = read_config(folder)
    if tokenizer and tokenizer.ids > config.vocabulary:
        raise ValueError(
            f"{folder} must have a vocab_size of at least {tokenizer.ids}, the ids of its tokenizer, not "
            f"{config.vocabulary}"
        )
    try:
        state = read_weights(folder, _shapes(config), config.unused)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    if config.architectures and config.architecture not in config.architectures:
        raise ValueError(f"{folder} must be a {config.architecture}, not a {config.architectures[0]}")
    build = _Builder(state, config)
    nodes = (*build.encoder(), *build.head())
    return RealNetwork(nodes=nodes, labels=config.labels, task=config.task)


def _embeddings(config: ModelConfig) -> str:
    return f"{config.prefix}embeddings"


def _layer(config: ModelConfig, i: int) -> str:
    return f"{config.prefix}{config.family.layers}.{i}"


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights."""
    n, ffn, width = config.hidden, config.ffn, config.embedding
    family, names, embeddings = config.family, config.family.names, _embeddings(config)
    shapes: dict[str, tuple[int, ...]] = {
        f"{embeddings}.word_embeddings.weight": (config.vocabulary, width),
        f"{embeddings}.position_embeddings.weight": (config.first_position + config.positions, width),
    }
    if config.token_types:
        shapes[f"{embeddings}.token_type_embeddings.weight"] = (config.token_types, width)
    norms = {f"{embeddings}.LayerNorm": width}
    linears: dict[str, tuple[int, int]] = {}
    if not config.pooling:
        linears = {matrix.source: (n, n) for matrix in family.head} | {family.head[-1].source: (len(config.labels), n)}
    if width != n and family.projection:
        linears[f"{config.prefix}{family.projection}"] = (n, width)
    for i in range(config.layers):
        layer = _layer(config, i)
        norms |= {f"{layer}.{names.mid_norm}": n, f"{layer}.{names.last_norm}": n}
        for part in (names.query, names.key, names.value, names.output):
            linears[f"{layer}.{part}"] = (n, n)
        linears |= {f"{layer}.{names.ffn1}": (ffn, n), f"{layer}.{names.ffn2}": (n, ffn)}
    for name, size in norms.items():
        shapes |= {f"{name}.weight": (size,), f"{name}.bias": (size,)}
    for name, shape in linears.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes


class _Builder:
    """Makes operators of weights."""

    def __init__(self, state: Mapping[str, NDArray[np.float32]], config: ModelConfig) -> None:
        self._state, self._config = state, config

    def encoder(self) -> Iterator[RealNode]:
        """Yield the operators up to the last layer's sums, whose norm is the head's first operator."""
        config, family, names = self._config, self._config.family, self._config.family.names
        yield self._embed()
        before = f"{_embeddings(config)}.LayerNorm"
        if config.embedding != config.hidden and family.projection:
            yield self._norm("embedding_norm", before)
            yield self._linear("projection", f"{config.prefix}{family.projection}", "rows")
            before = ""
        for i in range(config.layers):
            source, name = _layer(config, i), f"layers.{i}"
            if before:
                yield self._norm(f"{name}.input_norm", before)
            yield RealAttention(
                name=f"{name}.attention",
                heads=config.heads,
                query=self._linear("query", f"{source}.{names.query}"),
                key=self._linear("key", f"{source}.{names.key}"),
                value=self._linear("value", f"{source}.{names.value}"),
            )
            yield self._linear(f"{name}.output", f"{source}.{names.output}", "residual")
            yield self._norm(f"{name}.mid_norm", f"{source}.{names.mid_norm}")
            yield self._linear(f"{name}.ffn1", f"{source}.{names.ffn1}", config.activation)
            yield self._linear(f"{name}.ffn2", f"{source}.{names.ffn2}", "residual")
            before = f"{source}.{names.last_norm}"

    def head(self) -> Iterator[RealNode]:
        """Yield the operators behind the last layer's sums."""
        config, pooling = self._config, self._config.pooling
        if pooling is None or pooling.first:
            yield RealSelect(name="first", row=0)
        yield self._norm("pooler_norm", f"{_layer(config, config.layers - 1)}.{config.family.names.last_norm}")
        if pooling:
            yield RealPool(name="pool", normalise=pooling.normalise)
            return
        for name, matrix in zip(HEAD, config.family.head, strict=True):
            yield self._linear(name, matrix.source, matrix.then)

    def _embed(self) -> RealEmbed:
        """Tables of words, of positions with the first token type, and of what other types make different."""
        config, prefix = self._config, _embeddings(self._config)
        position = self._state[f"{prefix}.position_embeddings.weight"][config.first_position :]
        types = np.zeros((0, config.embedding), np.float32)
        if config.token_types:
            table = self._state[f"{prefix}.token_type_embeddings.weight"]
            position, types = position + table[0], table[1:] - table[0]
        return RealEmbed(
            name="embed", word=self._state[f"{prefix}.word_embeddings.weight"], position=position, types=types
        )

    def _linear(self, name: str, source: str, then: Then = "nothing") -> RealLinear:
        weight, bias = self._state[f"{source}.weight"], self._state[f"{source}.bias"]
        return RealLinear(name=name, weight=weight, bias=bias, then=then)

    def _norm(self, name: str, source: str) -> RealNorm:
        gamma, beta = self._state[f"{source}.weight"], self._state[f"{source}.bias"]
        return RealNorm(name=name, gamma=gamma, beta=beta, epsilon=self._config.epsilon)
