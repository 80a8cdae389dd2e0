"""Read ``config.json`` of a BERT, and refuse what the device does not run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sw.families.model_folder import read_object

__all__ = ["BertConfig", "read_config"]

CONFIG = "config.json"
ADAPTER = "adapter_config.json"

MAX_HIDDEN = 4096
"""A row's sum of int16 values has 29 bits on the device, its length 13."""

SIZES = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
"""Whole numbers, and what BERT has where a config.json does not say."""

EPSILON = 1e-12

GELUS = ("gelu", "gelu_python")
"""Names of the exact GELU; the others are approximations of it, or something else."""

RULES: tuple[tuple[str, str, tuple[Any, ...], str], ...] = (
    ("the feed-forward layers", "hidden_act", GELUS, "the quantizer knows the exact GELU"),
    ("the attention", "position_embedding_type", ("absolute",), "scores have no relative term"),
    ("the attention", "is_decoder", (False,), "there is no causal mask"),
    ("the attention", "add_cross_attention", (False,), "there is one sequence"),
    ("the attention", "is_encoder_decoder", (False,), "there is one sequence"),
    ("the attention", "pruned_heads", ({}, [], None), "all layers have the same heads"),
    (
        "the classifier",
        "problem_type",
        ("single_label_classification", None),
        "the answer is the one label with the greatest logit",
    ),
    ("the model", "quantization_config", ({}, None), "weights must be floats"),
    ("the model", "auto_map", ({}, None), "code of its own is not run"),
)
"""Part of the model, setting, values that it may have (the first if it is absent), and why."""


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """Shape of a ``BertForSequenceClassification`` that the device can run."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    ffn: int
    positions: int
    token_types: int
    epsilon: float
    labels: tuple[str, ...]
    architectures: tuple[str, ...]


def read_config(folder: Path) -> BertConfig:
    """Read and check a folder's settings.

    Raises
    ------
    OSError
        If there is no config.json.
    ValueError
        If it is damaged, of another architecture, or of a variant that the device does not run, with the layer and the
        reason.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {CONFIG}; it must be the folder of a BertForSequenceClassification")
    if (folder / ADAPTER).exists():
        raise ValueError(f"{folder} has {ADAPTER}: adapters must be merged into the weights before quantizing")
    config = read_object(path)
    try:
        return _checked(config)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _checked(config: Mapping[str, Any]) -> BertConfig:
    if "model_type" not in config:
        raise ValueError("the model must have model_type 'bert', but none is given")
    if config["model_type"] != "bert":
        raise ValueError(
            f"the model must have model_type 'bert', not {_shown(config['model_type'])}: only BERT is supported"
        )
    for where, name, allowed, why in RULES:
        value = config.get(name, allowed[0])
        if not any(value == one and type(value) is type(one) for one in allowed):
            raise ValueError(f"{where} must have {name} {allowed[0]!r}, not {_shown(value)}: {why}")
    sizes = {name: _size(name, config.get(name, usual)) for name, usual in SIZES.items()}
    hidden, heads = sizes["hidden_size"], sizes["num_attention_heads"]
    if hidden % heads:
        raise ValueError(f"the attention must have hidden_size divisible by its {heads} heads, not {hidden}")
    if hidden > MAX_HIDDEN:
        raise ValueError(f"the norms must have a hidden_size of at most {MAX_HIDDEN}, not {hidden}")
    if sizes["max_position_embeddings"] < 2:
        raise ValueError("the embeddings must have max_position_embeddings of at least 2, for [CLS] and [SEP]")
    padding = config.get("pad_token_id")
    if padding is not None and not (_whole(padding) and 0 <= padding < sizes["vocab_size"]):
        raise ValueError(f"pad_token_id must be below the vocab_size {sizes['vocab_size']}, not {_shown(padding)}")
    epsilon = config.get("layer_norm_eps", EPSILON)
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 <= epsilon < math.inf:
        raise ValueError(f"the norms must have a layer_norm_eps from 0 on, not {_shown(epsilon)}")
    return BertConfig(
        vocabulary=sizes["vocab_size"],
        hidden=hidden,
        layers=sizes["num_hidden_layers"],
        heads=heads,
        ffn=sizes["intermediate_size"],
        positions=sizes["max_position_embeddings"],
        token_types=sizes["type_vocab_size"],
        epsilon=float(epsilon),
        labels=_labels(config),
        architectures=tuple(map(str, config.get("architectures") or ())),
    )


def _labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the classes in order."""
    count, names, indices = (config.get(name) for name in ("num_labels", "id2label", "label2id"))
    if count is not None:
        _size("num_labels", count)
    if names is None:
        names = {str(i): f"LABEL_{i}" for i in range(2 if count is None else count)}
    if not isinstance(names, dict):
        raise ValueError(f"id2label must be an object of numbers and names, not {_shown(names)}")
    if len(names) < 2:
        raise ValueError(
            f"the classifier must have num_labels of at least 2, not {len(names)}: "
            "the answer is the one label with the greatest logit"
        )
    if count is not None and count != len(names):
        raise ValueError(f"the classifier must have num_labels {len(names)}, the names in id2label, not {count}")
    if sorted(names) != sorted(str(i) for i in range(len(names))):
        raise ValueError(f"id2label must have the numbers 0 to {len(names) - 1}, not {_shown(sorted(names))}")
    labels = tuple(str(names[str(i)]) for i in range(len(names)))
    if len(set(labels)) < len(labels):
        raise ValueError(f"id2label must have different names, not {_shown(labels)}")
    for name, index in indices.items() if isinstance(indices, dict) else ():
        if name in labels and labels.index(name) != index:
            raise ValueError(
                f"label2id must have {name!r} as {labels.index(name)}, as id2label has, not {_shown(index)}"
            )
    return labels


def _size(name: str, value: Any) -> int:
    if not _whole(value) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {_shown(value)}")
    return int(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value for a message, not all of a long one."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
