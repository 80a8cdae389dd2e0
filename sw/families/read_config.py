"""Read ``config.json`` of an encoder, and refuse what the device does not run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sw.families.families import FAMILIES
from sw.families.family import Family
from sw.families.model_folder import read_object
from sw.families.pooling import Pooling, read_pooling
from sw.families.real import Then
from sw.network.task import Task

__all__ = ["ModelConfig", "read_config"]

CONFIG = "config.json"
ADAPTER = "adapter_config.json"

MAX_HIDDEN = 4096
"""A row's sum of int16 values has 29 bits on the device, its length 13."""

EPSILON = 1e-12

ACTIVATIONS: dict[str, Then] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    **dict.fromkeys(("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"), "gelu_new"),
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}
"""What the names of activations mean: several are the same function, computed in another way."""

RULES: tuple[tuple[str, str, tuple[Any, ...], str], ...] = (
    ("the attention", "position_embedding_type", ("absolute",), "scores have no relative term"),
    ("the attention", "is_decoder", (False,), "there is no causal mask"),
    ("the attention", "add_cross_attention", (False,), "there is one sequence"),
    ("the attention", "is_encoder_decoder", (False,), "there is one sequence"),
    ("the attention", "pruned_heads", ({}, [], None), "all layers have the same heads"),
    ("the model", "quantization_config", ({}, None), "weights must be floats"),
    ("the model", "auto_map", ({}, None), "code of its own is not run"),
)
"""Part of the model, setting, values that it may have (the first if it is absent), and why."""

TASKS: tuple[Task, ...] = ("single_label_classification", "multi_label_classification", "regression")
"""What a problem_type may be."""

OF_LABELS = ("num_labels", "id2label", "label2id", "problem_type")
"""Settings that a model for vectors has no use for."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Shape of a model that the device can run, with labels or, if it has a ``pooling``, for vectors.

    The embeddings have ``embedding`` columns, the layers ``hidden``; the tables of positions begin with
    ``first_position`` entries that no token has.
    """

    family: Family
    vocabulary: int
    embedding: int
    hidden: int
    layers: int
    heads: int
    ffn: int
    positions: int
    first_position: int
    token_types: int
    activation: Then
    epsilon: float
    labels: tuple[str, ...]
    task: Task
    architectures: tuple[str, ...]
    pooling: Pooling | None = None

    @property
    def prefix(self) -> str:
        """What the names of the encoder's weights begin with: nothing if they have a file of their own."""
        return "" if self.pooling else f"{self.family.encoder}."

    @property
    def unused(self) -> tuple[str, ...]:
        """How names begin of weights that may be there without a use."""
        return (*self.family.unused, "pooler.") if self.pooling else self.family.unused

    @property
    def architecture(self) -> str:
        """The class that is taken."""
        classifier = self.family.architecture
        return classifier.replace("ForSequenceClassification", "Model") if self.pooling else classifier


def read_config(folder: Path) -> ModelConfig:
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
        raise FileNotFoundError(
            f"{folder} has no {CONFIG}; it must be the folder of a BertForSequenceClassification or another encoder"
        )
    if (folder / ADAPTER).exists():
        raise ValueError(f"{folder} has {ADAPTER}: adapters must be merged into the weights before quantizing")
    config, pooling = read_object(path), read_pooling(folder)
    try:
        if pooling:
            config = {name: value for name, value in config.items() if name not in OF_LABELS}
            return replace(_checked(config), labels=(), task="embedding", pooling=pooling)
        return _checked(config)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _checked(config: Mapping[str, Any]) -> ModelConfig:
    family = _family(config)
    for where, name, allowed, why in RULES:
        value = config.get(name, allowed[0])
        if not any(value == one and type(value) is type(one) for one in allowed):
            raise ValueError(f"{where} must have {name} {allowed[0]!r}, not {_shown(value)}: {why}")
    sizes = {
        name: _size(family.setting(name), _value(config, family, name, usual)) for name, usual in family.sizes.items()
    }
    hidden, heads = sizes["hidden_size"], sizes["num_attention_heads"]
    if hidden % heads:
        name = family.setting("hidden_size")
        raise ValueError(f"the attention must have {name} divisible by its {heads} heads, not {hidden}")
    for name in ("embedding_size", "hidden_size"):
        if sizes.get(name, 0) > MAX_HIDDEN:
            raise ValueError(f"the norms must have a {family.setting(name)} of at most {MAX_HIDDEN}, not {sizes[name]}")
    padding = config.get("pad_token_id", family.padding)
    if padding is not None and not (_whole(padding) and 0 <= padding < sizes["vocab_size"]):
        raise ValueError(f"pad_token_id must be below the vocab_size {sizes['vocab_size']}, not {_shown(padding)}")
    first, positions = 0, sizes["max_position_embeddings"]
    if family.positions_after_padding:
        if padding is None:
            raise ValueError("the embeddings must have a pad_token_id, behind which positions begin")
        first = padding + 1
    if positions < first + 2:
        raise ValueError(
            f"the embeddings must have max_position_embeddings of at least {first + 2}, for [CLS] and [SEP]"
        )
    labels = _labels(config)
    return ModelConfig(
        family=family,
        vocabulary=sizes["vocab_size"],
        embedding=sizes.get("embedding_size", hidden),
        hidden=hidden,
        layers=sizes["num_hidden_layers"],
        heads=heads,
        ffn=sizes["intermediate_size"],
        positions=positions - first,
        first_position=first,
        token_types=sizes.get("type_vocab_size", 0),
        activation=_activation(config, family),
        epsilon=_epsilon(config, family),
        labels=labels,
        task=_task(config.get("problem_type"), len(labels)),
        architectures=tuple(map(str, config.get("architectures") or ())),
    )


def _family(config: Mapping[str, Any]) -> Family:
    kinds = ", ".join(FAMILIES)
    if "model_type" not in config:
        raise ValueError(f"the model must have a model_type of {kinds}, but none is given")
    kind = config["model_type"]
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise ValueError(f"the model must have a model_type of {kinds}, not {_shown(kind)}: no other is supported")
    return FAMILIES[kind]


def _value(config: Mapping[str, Any], family: Family, name: str, usual: Any) -> Any:
    """A setting by BERT's name for it, which must not say something else beside the family's own."""
    own = family.setting(name)
    value = config.get(own, usual)
    if config.get(name, value) != value:
        raise ValueError(f"{own} {_shown(value)} must be the same as {name}, not {_shown(config[name])}")
    return value


def _activation(config: Mapping[str, Any], family: Family) -> Then:
    value = _value(config, family, "hidden_act", "gelu")
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise ValueError(
            f"the feed-forward layers must have {family.setting('hidden_act')} {', '.join(ACTIVATIONS)}, not "
            f"{_shown(value)}: there is no table for others"
        )
    return ACTIVATIONS[value]


def _epsilon(config: Mapping[str, Any], family: Family) -> float:
    epsilon = config.get(family.epsilon, EPSILON) if family.epsilon else EPSILON
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 <= epsilon < math.inf:
        raise ValueError(f"the norms must have a {family.epsilon} from 0 on, not {_shown(epsilon)}")
    return float(epsilon)


def _task(problem: Any, labels: int) -> Task:
    """What the results mean, as transformers decide."""
    if problem is not None and problem not in TASKS:
        raise ValueError(f"the classifier must have a problem_type of {', '.join(TASKS)}, not {_shown(problem)}")
    if problem is None:
        return "regression" if labels == 1 else "single_label_classification"
    if problem == "single_label_classification" and labels < 2:
        raise ValueError(
            f"the classifier must have num_labels of at least 2, not {labels}: "
            "the answer is the one label with the greatest logit"
        )
    if problem == "regression" and labels > 1:
        raise ValueError(
            f"the classifier must have num_labels 1 for problem_type 'regression', not {labels}: "
            "the answer is one number"
        )
    task: Task = problem
    return task


def _labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the classes in order."""
    count, names, indices = (config.get(name) for name in ("num_labels", "id2label", "label2id"))
    if count is not None:
        _size("num_labels", count)
    if names is None:
        names = {str(i): f"LABEL_{i}" for i in range(2 if count is None else count)}
    if not isinstance(names, dict):
        raise ValueError(f"id2label must be an object of numbers and names, not {_shown(names)}")
    if not names:
        raise ValueError("the classifier must have num_labels of at least 1, not 0")
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
