"""Texts to labels on a device, each answer compared with the integer reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sw.apps.text_runner import TextResult, TextRunner
from sw.families.tokenizer import Text
from sw.network.checkpoint import Checkpoint
from sw.network.task import Task

__all__ = ["Classification", "Classifier"]


@dataclass(frozen=True, kw_only=True)
class Classification(TextResult):
    """What a device says about one text, and what that took.

    ``scores`` are the probabilities of all labels, one for each alone in multi-label classification, or the number that
    regression gives. ``label`` has the greatest, ``probability`` is its; there is none of a number. ``logits`` are what
    the sums are worth.
    """

    label: str
    probability: float | None
    scores: tuple[float, ...] = ()
    logits: tuple[float, ...]


class Classifier(TextRunner[Classification]):
    """A network that ends with results for labels, on a device."""

    @staticmethod
    def refuse_other_kinds(checkpoint: Checkpoint) -> None:
        """Raise ValueError if a checkpoint makes vectors."""
        if checkpoint.task == "embedding":
            raise ValueError("the model makes vectors, not labels")

    def answer(self, text: Text) -> Classification:
        """Say what the device thinks of a text, or of a pair."""
        result = self.run(text)
        logits = np.array(result.sums, np.float64) * self.checkpoint.logit_scale
        scores = _scores(self.checkpoint.task, logits)
        best = int(logits.argmax())
        return Classification(
            **vars(result),
            label=self.checkpoint.labels[best],
            probability=None if self.checkpoint.task == "regression" else float(scores[best]),
            scores=tuple(scores.tolist()),
            logits=tuple(logits.tolist()),
        )


def _scores(task: Task, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what results mean: probabilities, or the number itself."""
    if task == "regression":
        return logits
    if task == "multi_label_classification":
        independent: NDArray[np.float64] = 0.5 * (1 + np.tanh(logits / 2))
        return independent
    odds = np.exp(logits - logits.max())
    scores: NDArray[np.float64] = odds / odds.sum()
    return scores
