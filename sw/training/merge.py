"""Base model and adapter to one Hugging Face folder."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, BertForSequenceClassification

from sw.imdb import LABELS
from sw.training.lora import add_adapters, load_adapter, merge_adapters

__all__ = ["load_base", "merge"]


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
