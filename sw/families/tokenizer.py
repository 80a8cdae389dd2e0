"""WordPiece as BERT was trained with, and truncation of long texts."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from tokenizers import Tokenizer as Backend
from tokenizers.normalizers import Replace, Sequence

from files.loading import loading
from files.whole_file import write_whole
from sw.sound_text import sound_text

__all__ = ["Encoding", "Tokenizer", "Truncation"]

Truncation = Literal["head", "tail", "head_tail"]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """Token ids with [CLS] and [SEP]; ``truncated`` if the text had more than fitted."""

    ids: list[int]
    truncated: bool


class Tokenizer:
    """A ``tokenizer.json`` with the special tokens of BERT.

    Parameters
    ----------
    backend : tokenizers.Tokenizer
        Its own truncation and padding are switched off.

    Raises
    ------
    ValueError
        If it has no [CLS] or no [SEP].
    """

    def __init__(self, backend: Backend) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._first, self._last = (self._special(token) for token in ("[CLS]", "[SEP]"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a ``tokenizer.json``.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError
            If it is not a tokenizer, with the reason in one line.
        """
        with loading(path, "a BERT tokenizer"):
            return cls(Backend.from_str(Path(path).read_text(encoding="utf-8")))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``tokenizer.json``."""
        write_whole(Path(path), self._backend.to_str().encode())

    def replacing(self, old: str, new: str) -> Self:
        """Return this tokenizer with one more rule, which its file keeps: texts have ``new`` for ``old``."""
        backend = Backend.from_str(self._backend.to_str())
        rules = [Replace(old, new), *([backend.normalizer] if backend.normalizer else [])]
        backend.normalizer = Sequence(rules)
        return type(self)(backend)

    @property
    def ids(self) -> int:
        """How many ids there are, unused ones between them included: one more than the greatest."""
        return 1 + int(max(self._backend.get_vocab().values()))

    def encode(self, text: str, max_length: int, truncation: Truncation = "head_tail") -> Encoding:
        """Turn a text into at most ``max_length`` token ids.

        Parameters
        ----------
        text : str
            Lone surrogates count as U+FFFD; nothing else is changed but as the tokenizer's file says.
        max_length : int
            Token budget with [CLS] and [SEP]; at least 2.
        truncation : {"head", "tail", "head_tail"}
            What stays of a text that is too long: its first tokens, its last, or the first quarter
            and the last three quarters of the budget.

        Raises
        ------
        ValueError
            If an argument is out of its range, or the file has no token for a piece of the text, not even [UNK].
        """
        if max_length < 2:
            raise ValueError(f"max_length must be at least 2, not {max_length!r}")
        if truncation not in get_args(Truncation):
            raise ValueError(f"truncation must be one of {', '.join(get_args(Truncation))}, not {truncation!r}")
        try:
            pieces = self._backend.encode(sound_text(text)[0], add_special_tokens=False).ids
        except Exception as error:  # the backend raises nothing more specific
            raise ValueError(f"the tokenizer cannot read a text: {error}") from None
        ids = [self._first, *pieces, self._last]
        if len(ids) <= max_length:
            return Encoding(ids=ids, truncated=False)
        head = {"head": max_length - 1, "tail": 1, "head_tail": max(1, max_length // 4)}[truncation]
        return Encoding(ids=ids[:head] + ids[head - max_length :], truncated=True)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the word pieces of token ids."""
        return [self._backend.id_to_token(i) for i in ids]

    def _special(self, token: str) -> int:
        found = self._backend.token_to_id(token)
        if found is None:
            raise ValueError(f"it must have the token {token}")
        return int(found)
