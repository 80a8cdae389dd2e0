"""Texts to vectors on a device, each compared with the integer reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.apps.text_runner import TextResult, TextRunner
from sw.families.tokenizer import Text
from sw.network.pool import Pool

__all__ = ["Embedder", "Embedding"]


@dataclass(frozen=True, kw_only=True)
class Embedding(TextResult):
    """A text's vector float32 [N], and what that took."""

    vector: NDArray[np.float32]


class Embedder(TextRunner):
    """A network that ends with a :class:`sw.network.pool.Pool`, on a device; otherwise as :class:`TextRunner`.

    Raises
    ------
    ValueError
        As there, or if the network makes labels.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.checkpoint.task != "embedding":
            raise ValueError("the model makes labels, not vectors")

    def embed(self, text: Text) -> Embedding:
        """Run one text, or a pair; raises what :meth:`TextRunner.run` does."""
        result, network = self.run(text), self.checkpoint.network
        assert isinstance(network.last, Pool), "a checkpoint has been checked"
        rows = network.kept(result.tokens)[-1]
        return Embedding(**vars(result), vector=network.last.vector(np.array(result.sums), len(rows)))
