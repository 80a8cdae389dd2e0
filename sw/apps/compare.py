"""How far the integers are from the float model, layer by layer."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sw.families.load import load_model
from sw.families.real import RealNetwork
from sw.families.tokenizer import Text, Tokenizer, Truncation
from sw.network.checkpoint import Checkpoint
from sw.network.pool import Pool
from sw.network.reference import embed, forward
from sw.network.task import Task
from sw.quantizer.norm import NORMALIZED_ONE

__all__ = ["Comparison", "compare", "compare_networks"]

EPSILON_ERROR = 0.01
"""What is less goes under in that of rounding."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Integers against floats on some texts.

    ``relative_error`` holds, for each norm in order, the root mean square of the difference of normalised rows over
    that of the rows. Each norm shows the error of everything before it, the first that of the embedding alone.
    ``epsilon_error`` is that part of it which comes from ``epsilon``, the model's layer_norm_eps: the device adds none.
    """

    texts: int
    same_label: int | None  # all of them, in multi-label classification; None for a number
    logit_difference: float  # mean magnitude
    cosine: tuple[float, float] | None = None  # of vectors: mean and least
    relative_error: dict[str, float]
    epsilon: float
    epsilon_error: dict[str, float]

    def warnings(self) -> Iterator[str]:
        """Yield a line for each norm in which a setting that the integers do not have makes more than a small error."""
        for name, error in self.epsilon_error.items():
            if error > EPSILON_ERROR:
                yield (
                    f"{name} differs by {error:.1%} because of layer_norm_eps={self.epsilon:g}, which is not small "
                    "beside the variance of its rows; the integers have none"
                )

    def __rich__(self) -> Table:
        """The table that ``rich.print`` shows."""
        table = Table(title="Integers against the float model")
        table.add_column("up to")
        table.add_column("relative error", justify="right")
        for name, error in self.relative_error.items():
            table.add_row(name, f"{error:.2%}")
        table.add_section()
        if self.same_label is not None:
            table.add_row("same label", f"{self.same_label} of {self.texts}")
        if self.cosine:
            table.add_row("cosine of the vectors, mean", f"{self.cosine[0]:.4f}")
            table.add_row("cosine of the vectors, least", f"{self.cosine[1]:.4f}")
        else:
            table.add_row("mean logit difference", f"{self.logit_difference:.4f}")
        return table


def compare(
    model: str | os.PathLike[str],
    checkpoint: Checkpoint,
    texts: Iterable[Text],
    tokenizer: Tokenizer,
    *,
    max_length: int = 256,
    truncation: Truncation = "head_tail",
) -> Comparison:
    """Run model and checkpoint on texts; arguments and errors as those of :func:`quantize`."""
    loaded = load_model(model, tokenizer)
    limit = min(max_length, loaded.positions)
    encodings = [tokenizer.encode(text, limit, truncation) for text in texts]
    return compare_networks(loaded, checkpoint, (e.ids for e in encodings), token_types=(e.types for e in encodings))


def compare_networks(
    model: RealNetwork,
    checkpoint: Checkpoint,
    texts: Iterable[Sequence[int]],
    *,
    token_types: Iterable[Sequence[int]] | None = None,
) -> Comparison:
    """Compare a model that is loaded, on token ids and their types; without, these are all 0."""
    error: dict[str, float] = defaultdict(float)
    power: dict[str, float] = defaultdict(float)
    shrunk: dict[str, float] = defaultdict(float)
    difference, cosines, same = [], [], 0
    for ids, types in zip(texts, token_types or repeat(())):  # noqa: B905  # the latter has no end
        floats, integers = _Norms(), _Norms()
        exact = model.forward(ids, floats, token_types=types)
        logits = _results(checkpoint, forward(checkpoint, embed(checkpoint, ids, types), integers), len(ids))
        for name, rows in integers.rows.items():
            expected = floats.rows[name][: len(rows)]
            error[name] += float(np.square(rows / NORMALIZED_ONE - expected).sum())
            power[name] += float(np.square(expected).sum())
            shrunk[name] += _epsilon_error(expected)
        difference.append(float(np.abs(logits - exact).mean()))
        if model.task == "embedding":
            cosines.append(float(logits @ exact / max(float(np.linalg.norm(logits) * np.linalg.norm(exact)), 1e-12)))
        same += _same_label(model.task, logits, exact)
    if not difference:
        raise ValueError("there must be at least one text")
    return Comparison(
        texts=len(difference),
        same_label=None if model.task in ("regression", "embedding") else same,
        logit_difference=float(np.mean(difference)),
        cosine=(float(np.mean(cosines)), min(cosines)) if cosines else None,
        relative_error={name: _ratio(error[name], power[name]) for name in error},
        epsilon=max(norm.epsilon for norm in model.norms()),
        epsilon_error={name: _ratio(shrunk[name], power[name]) for name in shrunk},
    )


def _results(checkpoint: Checkpoint, sums: NDArray[np.int32], tokens: int) -> NDArray[np.floating[Any]]:
    """Return what the sums of a text are worth."""
    network = checkpoint.network
    if isinstance(network.last, Pool):
        return network.last.vector(sums, len(network.kept(tokens)[-1]))
    return sums * checkpoint.logit_scale


def _same_label(task: Task, logits: NDArray[np.floating[Any]], exact: NDArray[np.floating[Any]]) -> bool:
    if task == "multi_label_classification":
        return bool(((logits > 0) == (exact > 0)).all())
    return bool(logits.argmax() == exact.argmax())


def _epsilon_error(rows: NDArray[np.floating[Any]]) -> float:
    """Sum of squared differences between normalised rows and what they were without epsilon, of unit variance."""
    variance = np.square(rows, dtype=np.float64).mean(1)
    return float(rows.shape[1] * np.square(1 - np.sqrt(variance[variance > 0])).sum())


def _ratio(error: float, power: float) -> float:
    """Relative error; none where there is nothing."""
    return float((error / power) ** 0.5) if power else 0.0


class _Norms:
    """Observer that keeps the normalised rows."""

    def __init__(self) -> None:
        self.rows: dict[str, NDArray[Any]] = {}

    def __call__(self, name: str, rows: NDArray[Any]) -> None:
        if name.endswith("_norm"):
            self.rows[name] = rows
