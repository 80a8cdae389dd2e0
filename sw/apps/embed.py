"""Texts to vectors on a device."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sw.apps.text_runner import TextResult, TextRunner
from sw.network.checkpoint import Checkpoint
from sw.network.pool import Pool

__all__ = ["Embedder", "Embedding"]


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A text's vector float32 [N], and how the device came to it."""

    vector: NDArray[np.float32]
    result: TextResult


class Embedder:
    """A network that ends with a :class:`sw.network.pool.Pool` on a device.

    Parameters
    ----------
    runner : TextRunner

    Raises
    ------
    ValueError
        If its network ends otherwise.
    """

    def __init__(self, runner: TextRunner) -> None:
        self._runner = runner
        self._pool = pool_of(runner.checkpoint)

    def embed(self, text: str) -> Embedding:
        """Run one text; raises what :meth:`sw.apps.text_runner.TextRunner.run` does."""
        result = self._runner.run(text)
        rows = self._runner.checkpoint.network.kept(result.tokens)[-1]
        return Embedding(vector=self._pool.vector(result.sums, len(rows)), result=result)


def pool_of(checkpoint: Checkpoint) -> Pool:
    """Return the last operator of a network for vectors.

    Raises
    ------
    ValueError
        If the network ends otherwise.
    """
    last = checkpoint.network.last
    if not isinstance(last, Pool):
        raise ValueError(f"the model must be one for vectors, which ends with a Pool, not with {last.name}")
    return last
