"""Load a Hugging Face model as a :class:`RealNetwork`, or say why it cannot run."""

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sw.families.model_folder import existing_folder, load_packages
from sw.families.read_config import BertConfig, read_config
from sw.families.read_weights import read_weights
from sw.families.real import (
    RealAttention,
    RealEmbed,
    RealLinear,
    RealNetwork,
    RealNode,
    RealNorm,
    RealSelect,
    Then,
)
from sw.families.tokenizer import Tokenizer

__all__ = ["load_bert"]

ARCHITECTURE = "BertForSequenceClassification"

EMBEDDINGS = "bert.embeddings"


def load_bert(model: str | os.PathLike[str], tokenizer: Tokenizer | None = None) -> RealNetwork:
    """Read a fine-tuned ``BertForSequenceClassification``.

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
        state = read_weights(folder, _shapes(config))
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    if config.architectures and ARCHITECTURE not in config.architectures:
        raise ValueError(f"{folder} must be a {ARCHITECTURE}, not a {config.architectures[0]}")
    return _from_state(state, config)


def _layer_name(i: int) -> str:
    return f"bert.encoder.layer.{i}"


def _shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights."""
    n, ffn = config.hidden, config.ffn
    shapes: dict[str, tuple[int, ...]] = {
        f"{EMBEDDINGS}.word_embeddings.weight": (config.vocabulary, n),
        f"{EMBEDDINGS}.position_embeddings.weight": (config.positions, n),
        f"{EMBEDDINGS}.token_type_embeddings.weight": (config.token_types, n),
    }
    norms = [f"{EMBEDDINGS}.LayerNorm"]
    linears = {"bert.pooler.dense": (n, n), "classifier": (len(config.labels), n)}
    for layer in map(_layer_name, range(config.layers)):
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linears[f"{layer}.attention.{part}"] = (n, n)
        linears |= {f"{layer}.intermediate.dense": (ffn, n), f"{layer}.output.dense": (n, ffn)}
    for name in norms:
        shapes |= {f"{name}.weight": (n,), f"{name}.bias": (n,)}
    for name, shape in linears.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes


def _from_state(state: Mapping[str, NDArray[np.float32]], config: BertConfig) -> RealNetwork:
    def linear(name: str, source: str, then: Then = "nothing") -> RealLinear:
        return RealLinear(name=name, weight=state[f"{source}.weight"], bias=state[f"{source}.bias"], then=then)

    def norm(name: str, source: str) -> RealNorm:
        gamma, beta = state[f"{source}.weight"], state[f"{source}.bias"]
        return RealNorm(name=name, gamma=gamma, beta=beta, epsilon=config.epsilon)

    token_type = state[f"{EMBEDDINGS}.token_type_embeddings.weight"][0]
    nodes: list[RealNode] = [
        RealEmbed(
            name="embed",
            word=state[f"{EMBEDDINGS}.word_embeddings.weight"],
            position=state[f"{EMBEDDINGS}.position_embeddings.weight"] + token_type,
        )
    ]
    before = f"{EMBEDDINGS}.LayerNorm"
    for i in range(config.layers):
        source, name = _layer_name(i), f"layers.{i}"
        nodes += [
            norm(f"{name}.input_norm", before),
            RealAttention(
                name=f"{name}.attention",
                heads=config.heads,
                query=linear("query", f"{source}.attention.self.query"),
                key=linear("key", f"{source}.attention.self.key"),
                value=linear("value", f"{source}.attention.self.value"),
            ),
            linear(f"{name}.output", f"{source}.attention.output.dense", "residual"),
            norm(f"{name}.mid_norm", f"{source}.attention.output.LayerNorm"),
            linear(f"{name}.ffn1", f"{source}.intermediate.dense", "gelu"),
            linear(f"{name}.ffn2", f"{source}.output.dense", "residual"),
        ]
        before = f"{source}.output.LayerNorm"
    nodes += [
        RealSelect(name="first", row=0),
        norm("pooler_norm", before),
        linear("pooler", "bert.pooler.dense", "tanh"),
        linear("classifier", "classifier", "sums"),
    ]
    return RealNetwork(nodes=tuple(nodes), labels=config.labels)
