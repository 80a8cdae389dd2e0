"""Load a Hugging Face model as a :class:`FloatBert`, or say why it cannot run."""

import os
from typing import Any

import numpy as np

from sw.quantizer.float_bert import Float, FloatBert, FloatLayer, FloatLinear, FloatNorm

__all__ = ["load_bert"]

MAX_HIDDEN = 4096
"""A row's sum of int16 values has 29 bits on the device, its length 13."""


def load_bert(model: str | os.PathLike[str]) -> FloatBert:
    """Read a fine-tuned ``BertForSequenceClassification``.

    Parameters
    ----------
    model : str or path
        Folder or name on the hub, as ``from_pretrained`` takes it.

    Raises
    ------
    ModuleNotFoundError
        If torch or transformers are not installed.
    OSError
        If there is no such model.
    ValueError
        If it is another architecture or a variant that the device does not run, with the layer and the reason.
    """
    try:
        from transformers import AutoConfig, BertForSequenceClassification  # noqa: PLC0415  # optional and slow
    except ImportError:
        raise ModuleNotFoundError(
            "quantizing needs torch and transformers; install them with: pip install 'systolm[model]'"
        ) from None
    config = AutoConfig.from_pretrained(model)
    _check(config)
    loaded, info = BertForSequenceClassification.from_pretrained(model, output_loading_info=True)
    if info["missing_keys"]:
        raise ValueError(f"the model must be fine-tuned: it has no {sorted(info['missing_keys'])[0]}")
    state = {name: tensor.float().numpy() for name, tensor in loaded.state_dict().items()}
    for name, values in state.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite everywhere")
    return _from_state(state, config)


def _check(config: Any) -> None:
    """Raise ValueError for what the device does not run."""
    rules = (
        ("the model", "model_type", "bert", "only BERT is supported"),
        ("the feed-forward layers", "hidden_act", "gelu", "the quantizer knows the exact GELU"),
        ("the attention", "position_embedding_type", "absolute", "scores have no relative term"),
        ("the attention", "is_decoder", False, "there is no causal mask"),
        ("the attention", "add_cross_attention", False, "there is one sequence"),
    )
    for where, name, expected, why in rules:
        value = getattr(config, name, expected)
        if value != expected:
            raise ValueError(f"{where} must have {name} {expected!r}, not {value!r}: {why}")
    hidden, heads = config.hidden_size, config.num_attention_heads
    if hidden % heads:
        raise ValueError(f"the attention must have hidden_size divisible by its {heads} heads, not {hidden}")
    if hidden > MAX_HIDDEN:
        raise ValueError(f"the norms must have a hidden_size of at most {MAX_HIDDEN}, not {hidden}")


def _from_state(state: dict[str, Float], config: Any) -> FloatBert:
    def linear(name: str) -> FloatLinear:
        return FloatLinear(weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    def norm(name: str) -> FloatNorm:
        return FloatNorm(gamma=state[f"{name}.weight"], beta=state[f"{name}.bias"])

    embeddings, layers = "bert.embeddings", []
    before = norm(f"{embeddings}.LayerNorm")
    for i in range(config.num_hidden_layers):
        name = f"bert.encoder.layer.{i}"
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
    token_type = state[f"{embeddings}.token_type_embeddings.weight"][0]
    return FloatBert(
        heads=config.num_attention_heads,
        epsilon=config.layer_norm_eps,
        word=state[f"{embeddings}.word_embeddings.weight"],
        position=state[f"{embeddings}.position_embeddings.weight"] + token_type,
        layers=tuple(layers),
        pooler_norm=before,
        pooler=linear("bert.pooler.dense"),
        classifier=linear("classifier"),
        labels=tuple(str(config.id2label[i]) for i in range(config.num_labels)),
    )
