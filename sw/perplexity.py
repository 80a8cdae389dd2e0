"""How well a model that writes predicts a text, alone and beside another."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Perplexity", "measure", "windows"]

Model = Callable[[Sequence[int]], NDArray[np.floating]]
"""Token ids [S] to logits [S, vocabulary]."""


@dataclass(frozen=True, kw_only=True)
class Perplexity:
    """Measured over ``tokens``; the last three are None without a reference."""

    tokens: int
    perplexity: float
    reference: float | None = None
    divergence: float | None = None
    same_choice: float | None = None


def windows(ids: Sequence[int], count: int, length: int = 512, first: int | None = None) -> list[list[int]]:
    """Return pieces of a text spread evenly over it, each opened by the token ``first`` if there is one.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the text is shorter than a window.
    """
    own = length - (first is not None)
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count!r}")
    if own < 2:
        raise ValueError(f"length must be at least {2 + length - own}, not {length!r}")
    if len(ids) <= own:
        raise ValueError(f"the text must have more than {own} tokens, not {len(ids)}")
    starts = np.linspace(0, len(ids) - own - 1, count + 2)[1:-1].astype(int)
    return [[*(() if first is None else (first,)), *ids[start : start + own]] for start in starts.tolist()]


def measure(
    model: Model, texts: Iterable[Sequence[int]], *, opened: bool, reference: Model | None = None
) -> Perplexity:
    """Score all tokens of the windows but each one's first own.

    Parameters
    ----------
    model : callable
    texts : iterable of sequence of int
    opened : bool
        The first token of each is not the text's, and the second is not scored either: nothing leads to it.
    reference : callable, optional
        Float model for the mean divergence KL(reference || model) in nats, and the share of same first choices.
    """
    loss = other = divergence = 0.0
    tokens = same = 0
    for ids in texts:
        skip = int(opened)
        wanted = np.asarray(ids[1 + skip :])
        at = np.arange(len(wanted))
        ours = _log_softmax(model(ids)[skip:-1])
        loss -= float(ours[at, wanted].sum())
        tokens += len(wanted)
        if reference:
            theirs = _log_softmax(reference(ids)[skip:-1])
            other -= float(theirs[at, wanted].sum())
            divergence += float((np.exp(theirs) * (theirs - ours)).sum())
            same += int((theirs.argmax(1) == ours.argmax(1)).sum())
    if not tokens:
        raise ValueError("there must be at least one token to score")
    if not reference:
        return Perplexity(tokens=tokens, perplexity=float(np.exp(loss / tokens)))
    return Perplexity(
        tokens=tokens,
        perplexity=float(np.exp(loss / tokens)),
        reference=float(np.exp(other / tokens)),
        divergence=divergence / tokens,
        same_choice=same / tokens,
    )


def _log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    scores = logits.astype(np.float64)
    scores -= scores.max(1, keepdims=True)
    likely: NDArray[np.float64] = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return likely
