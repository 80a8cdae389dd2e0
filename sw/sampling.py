"""The next token out of a model's logits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Sampler"]


class Sampler:
    """Chooses tokens; the same seed and logits give the same ones.

    Parameters
    ----------
    temperature : float
        Divides the logits; at 0 the greatest is taken, the first of equals.
    top_k : int
        Only so many of the greatest logits count; 0 for all.
    top_p : float
        Only the most likely tokens count that together are at least so likely.
    repetition_penalty : float
        Divides positive logits of tokens that have been, and multiplies negative ones.
    seed : int

    Raises
    ------
    ValueError
        If one is out of its range.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        seed: int = 0,
    ) -> None:
        if not 0 <= temperature < np.inf:
            raise ValueError(f"temperature must be 0 or more, not {temperature!r}")
        if top_k < 0:
            raise ValueError(f"top_k must be 0 or more, not {top_k!r}")
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {top_p!r}")
        if not 0 < repetition_penalty < np.inf:
            raise ValueError(f"repetition_penalty must be above 0, not {repetition_penalty!r}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, not {seed!r}")
        self._temperature, self._top_k, self._top_p = temperature, top_k, top_p
        self._penalty, self._rng = repetition_penalty, np.random.default_rng(seed)

    def choose(self, logits: ArrayLike, before: Sequence[int] = ()) -> int:
        """Return a token; ``before`` are those that the penalty is for.

        Parameters
        ----------
        logits : [vocabulary]
            Floats, or integers times their scale.
        before : sequence of int
        """
        scores = np.array(logits, np.float64)
        seen = np.unique(np.asarray(before, np.int64))
        own = scores[seen]
        scores[seen] = np.where(own > 0, own / self._penalty, own * self._penalty)
        if self._temperature == 0:
            return int(scores.argmax())
        order = np.argsort(-scores, kind="stable")[: self._top_k or None]
        likely = _softmax((scores[order] - scores[order[0]]) / self._temperature)
        kept = 1 + int((np.cumsum(likely) < self._top_p)[:-1].sum())
        total = np.cumsum(likely[:kept])
        return int(order[min(int(np.searchsorted(total, self._rng.random() * total[-1], "right")), kept - 1)])


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    made = np.exp(scores)
    likely: NDArray[np.float64] = made / made.sum()
    return likely
