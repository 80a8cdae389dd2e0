"""Load a Hugging Face model as a :class:`FloatBert`, or say why it cannot run."""

import os

from sw.families.float_bert import Float, FloatBert, FloatLayer, FloatLinear, FloatNorm
from sw.families.model_folder import existing_folder, load_packages
from sw.families.read_config import BertConfig, read_config
from sw.families.read_weights import read_weights
from sw.families.tokenizer import Tokenizer

__all__ = ["load_bert"]

ARCHITECTURE = "BertForSequenceClassification"

EMBEDDINGS = "bert.embeddings"


def load_bert(model: str | os.PathLike[str], tokenizer: Tokenizer | None = None) -> FloatBert:
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


def _from_state(state: dict[str, Float], config: BertConfig) -> FloatBert:
    def linear(name: str) -> FloatLinear:
        return FloatLinear(weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    def norm(name: str) -> FloatNorm:
        return FloatNorm(gamma=state[f"{name}.weight"], beta=state[f"{name}.bias"])

    layers = []
    before = norm(f"{EMBEDDINGS}.LayerNorm")
    for name in map(_layer_name, range(config.layers)):
        layers.append(
            FloatLayer(
                input_norm=before,
                query=linear(f"{name}.attention.self.query"),
                key=linear(f"{name}.attention.self.key"),
                value=linear(f"{name}.attention.self.value"),
                output=linear(f"{name}.attention.output.dense"),
                mid_norm=norm(f"{name}.attention.output.LayerNorm"),
                ffn1=linear(f"{name}.intermediate.dense"),
                ffn2=linear(f"{name}.output.dense"),
            )
        )
        before = norm(f"{name}.output.LayerNorm")
    token_type = state[f"{EMBEDDINGS}.token_type_embeddings.weight"][0]
    return FloatBert(
        heads=config.heads,
        epsilon=config.epsilon,
        word=state[f"{EMBEDDINGS}.word_embeddings.weight"],
        position=state[f"{EMBEDDINGS}.position_embeddings.weight"] + token_type,
        layers=tuple(layers),
        pooler_norm=before,
        pooler=linear("bert.pooler.dense"),
        classifier=linear("classifier"),
        labels=config.labels,
    )
