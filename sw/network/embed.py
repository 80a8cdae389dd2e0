"""Embeddings of tokens: the rows that enter the device."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw.network.arrays import Flow, Observer, Widths

__all__ = ["Embed", "TokenTypes"]


@dataclass(frozen=True, kw_only=True)
class TokenTypes:
    """What the token types from 1 on have more than type 0, in units of the LSB."""

    difference: NDArray[np.float32]  # [types - 1, N]


@dataclass(frozen=True, kw_only=True)
class Embed:
    """Tables of the host: ``round(word[t] * word_scale[t] + position[p])`` to int16 rows.

    Tokens of other types than 0 have their type's difference added.
    """

    name: str
    word: NDArray[np.int8]  # [vocabulary, N]
    word_scale: NDArray[np.float32]  # [vocabulary], in units of the int16 LSB
    position: NDArray[np.float32]  # [positions, N]: position + token type 0, in units of the LSB
    types: TokenTypes | None = None

    def shapes(self, before: Widths) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield names of tensors and the shapes that they must have."""
        del before
        if self.word.ndim != 2 or not self.word.size:
            raise ValueError(f"{self.name}.word must have two dimensions, not be {self.word.shape}")
        if self.position.ndim != 2:
            raise ValueError(f"{self.name}.position must have two dimensions, not {self.position.ndim}")
        if not len(self.position):
            raise ValueError(f"{self.name}.position must not be empty")
        vocabulary, hidden = self.word.shape
        yield "word_scale", (vocabulary,)
        yield "position", (len(self.position), hidden)
        if self.types:
            yield "types.difference", (len(self.types.difference), hidden)

    def widths(self, before: Widths) -> Widths:
        """Return the columns of the rows."""
        del before
        return Widths(rows=self.word.shape[1])

    def macs(self, before: Widths, rows: int, kept: int) -> int:
        """Return none: a look-up has no products."""
        del before, rows, kept
        return 0

    def rows(self, token_ids: ArrayLike, token_types: ArrayLike = ()) -> NDArray[np.int16]:
        """Return the rows int16 [S, N] of one text's token ids [S] and their types [S]; without, all are 0.

        Raises
        ------
        ValueError
            If there are no tokens, more than positions, an id is not in the vocabulary, or there is no such type.
        """
        ids = np.asarray(token_ids, np.int64)
        vocabulary, positions = len(self.word), len(self.position)
        if ids.ndim != 1 or not 1 <= len(ids) <= positions:
            raise ValueError(f"token_ids must be a list of 1 to {positions} ids, not an array of shape {ids.shape}")
        if ids.min() < 0 or ids.max() >= vocabulary:
            raise ValueError(f"token ids must be from 0 to {vocabulary - 1}, not {ids.min()} to {ids.max()}")
        rows = self.word[ids].astype(np.float32) * self.word_scale[ids, np.newaxis] + self.position[: len(ids)]
        types = np.asarray(token_types, np.int64)
        if types.any():
            rows = rows + self._differences(types, len(ids))
        limits = np.iinfo(np.int16)
        codes: NDArray[np.int16] = np.clip(np.rint(rows), limits.min, limits.max).astype(np.int16)
        return codes

    def _differences(self, types: NDArray[np.int64], length: int) -> NDArray[np.float32]:
        """What tokens have more than those of type 0."""
        none = np.zeros((1, self.word.shape[1]), np.float32)
        table = np.concatenate([none, self.types.difference]) if self.types else none
        if types.shape != (length,):
            raise ValueError(f"there must be a type for each of {length} ids, not an array of shape {types.shape}")
        if types.min() < 0 or types.max() >= len(table):
            raise ValueError(f"token types must be from 0 to {len(table) - 1}, not {types.min()} to {types.max()}")
        return table[types]

    def run(self, flow: Flow, kept: range, see: Observer) -> Flow:
        """Hand on the rows that are needed."""
        del see
        return Flow(rows=flow.rows[kept.start : kept.stop].astype(np.int64))
