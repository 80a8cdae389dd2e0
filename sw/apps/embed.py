"""Texts to vectors on a device, each compared with the integer reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sw.apps.text_runner import TextResult, TextRunner
from sw.families.tokenizer import Text
from sw.network.checkpoint import Checkpoint
from sw.network.pool import Pool

__all__ = ["Embedder", "Embedding"]


@dataclass(frozen=True, kw_only=True)
class Embedding(TextResult):
    """A text's vector float32 [N], and what that took."""

    vector: NDArray[np.float32]


class Embedder(TextRunner[Embedding]):
    """A network that ends with a :class:`sw.network.pool.Pool`, on a device."""

    @staticmethod
    def refuse_other_kinds(checkpoint: Checkpoint) -> None:
        """Raise ValueError if a checkpoint makes labels."""
        if checkpoint.task != "embedding":
            raise ValueError("the model makes labels, not vectors")

    def answer(self, text: Text) -> Embedding:
        """Make the vector of a text, or of a pair."""
        result, network = self.run(text), self.checkpoint.network
        assert isinstance(network.last, Pool), "a checkpoint has been checked"
        rows = network.kept(result.tokens)[-1]
        return Embedding(**vars(result), vector=network.last.vector(np.array(result.sums), len(rows)))
