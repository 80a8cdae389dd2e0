"""Texts and pairs of texts to token ids, as a model's own file says, and truncation of long ones."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from tokenizers import Tokenizer as Backend
from tokenizers.normalizers import Replace, Sequence

from files.loading import loading
from files.whole_file import write_whole
from sw.families.template import Template
from sw.sound_text import sound_text

__all__ = ["Encoding", "Text", "Tokenizer", "Truncation"]

Text = str | tuple[str, str]
"""A text, or a pair of them."""

Truncation = Literal["head", "tail", "head_tail"]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """Token ids with special tokens, and the type of each.

    ``truncated`` if the text had more than fitted, ``empty`` if it had no token of its own.
    """

    ids: list[int]
    types: list[int]
    truncated: bool
    empty: bool


class Tokenizer:
    """A ``tokenizer.json``.

    Parameters
    ----------
    backend : tokenizers.Tokenizer
        Its own truncation and padding are switched off. If it does not say which special tokens stand around a text,
        they are [CLS] and [SEP].

    Raises
    ------
    ValueError
        If it has no such tokens.
    """

    def __init__(self, backend: Backend) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._single, self._pair = (Template.of(backend, sequences) for sequences in (1, 2))

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

    def encode(self, text: Text, max_length: int, truncation: Truncation = "head_tail") -> Encoding:
        """Turn a text into at most ``max_length`` token ids.

        Parameters
        ----------
        text : str or pair of str
            Lone surrogates count as U+FFFD; nothing else is changed but as the tokenizer's file says.
        max_length : int
            Token budget with special tokens, such as [CLS] and [SEP], for which there must be room.
        truncation : {"head", "tail", "head_tail"}
            What stays of a text that is too long: its first tokens, its last, or the first quarter
            and the last three quarters of the budget. Of a pair, the longer one is cut first.

        Raises
        ------
        ValueError
            If an argument is out of its range, or the file has no token for a piece of the text, not even [UNK].
        """
        texts = (text,) if isinstance(text, str) else text
        template = self._single if len(texts) == 1 else self._pair
        if max_length < template.special:
            raise ValueError(f"max_length must be at least {template.special}, not {max_length!r}")
        if truncation not in get_args(Truncation):
            raise ValueError(f"truncation must be one of {', '.join(get_args(Truncation))}, not {truncation!r}")
        whole = [self._pieces(each) for each in texts]
        quarter = max(max_length // 4 - template.first, 0)
        if len(whole) == 1:
            kept = [_cut(whole[0], max_length - template.special, truncation, quarter)]
        else:
            budgets = _share(len(whole[0]), len(whole[1]), max_length - template.special)
            kept = [_cut(ids, budget, truncation, budget // 4) for ids, budget in zip(whole, budgets, strict=True)]
        ids, types = template.fill(kept)
        return Encoding(ids=ids, types=types, truncated=kept != whole, empty=not any(whole))

    def _pieces(self, text: str) -> list[int]:
        try:
            ids: list[int] = self._backend.encode(sound_text(text)[0], add_special_tokens=False).ids
        except Exception as error:  # the backend raises nothing more specific
            raise ValueError(f"the tokenizer cannot read a text: {error}") from None
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the word pieces of token ids."""
        return [self._backend.id_to_token(i) for i in ids]


def _cut(ids: list[int], budget: int, truncation: Truncation, quarter: int) -> list[int]:
    """What stays of ids of which there is room for so many."""
    if len(ids) <= budget:
        return ids
    head = {"head": budget, "tail": 0, "head_tail": quarter}[truncation]
    return ids[:head] + ids[len(ids) - budget + head :]


def _share(first: int, second: int, budget: int) -> tuple[int, int]:
    """Room for each of a pair: the shorter one stays whole if it fits into a half."""
    if first + second <= budget:
        return first, second
    half = budget // 2
    if first <= second:
        shorter = min(first, half)
        return shorter, budget - shorter
    shorter = min(second, half)
    return budget - shorter, shorter
