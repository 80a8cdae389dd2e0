"""Accuracy of the float model and of the integers on the same reviews."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from cli.terminal import Terminal
from sw.families.load import load_model
from sw.families.tokenizer import Tokenizer, Truncation
from sw.imdb import LABELS
from sw.network.checkpoint import Checkpoint
from sw.network.reference import embed, forward
from sw.training.reviews import Review

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Counts on ``reviews`` reviews, from line ``start`` of the file on."""

    start: int
    reviews: int
    max_length: int
    truncation: str
    truncated: int
    float_correct: int
    integer_correct: int
    same_label: int
    mean_logit_difference: float


def evaluate(
    merged: Path,
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    reviews: Sequence[Review],
    *,
    start: int = 0,
    max_length: int = 256,
    truncation: Truncation = "head_tail",
) -> Evaluation:
    """Classify reviews with the merged float model and with the checkpoint's integer reference.

    Parameters
    ----------
    merged : Path
        Folder of the Hugging Face model that was quantized.
    checkpoint : Checkpoint
    tokenizer : Tokenizer
    reviews : sequence of Review
    start : int
        Only noted down: where in the file the reviews began.
    max_length, truncation
        As :meth:`Tokenizer.encode` takes them.

    Raises
    ------
    ValueError
        If the checkpoint has other labels than reviews, or as :func:`load_model`.
    """
    if checkpoint.labels != LABELS:
        raise ValueError(f"the model must have the labels {', '.join(LABELS)}, not {', '.join(checkpoint.labels)}")
    bert = load_model(merged)
    truncated, floats, integers = 0, [], []
    for review in track(reviews, f"{len(reviews)} reviews, {max_length} tokens", console=Terminal()):
        encoding = tokenizer.encode(review.text, max_length, truncation)
        truncated += encoding.truncated
        floats.append(bert.forward(encoding.ids))
        integers.append(forward(checkpoint, embed(checkpoint, encoding.ids)) * checkpoint.logit_scale)
    float_label, integer_label = np.argmax(floats, 1), np.argmax(integers, 1)
    labels = np.array([review.label for review in reviews])
    return Evaluation(
        start=start,
        reviews=len(reviews),
        max_length=max_length,
        truncation=truncation,
        truncated=truncated,
        float_correct=int((float_label == labels).sum()),
        integer_correct=int((integer_label == labels).sum()),
        same_label=int((float_label == integer_label).sum()),
        mean_logit_difference=round(float(np.abs(np.subtract(floats, integers)).mean()), 4),
    )
