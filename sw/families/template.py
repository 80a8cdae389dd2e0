"""Special tokens around a text or a pair, found by trying."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Self

from tokenizers import Tokenizer as Backend

__all__ = ["Template"]

USUAL = ("[CLS]", "[SEP]")
"""What stands around texts if a tokenizer does not say."""


@dataclass(frozen=True)
class Template:
    """Ids and types of the special tokens in front of each text and behind the last, and the types of the texts."""

    between: tuple[tuple[tuple[int, int], ...], ...]
    types: tuple[int, ...]

    @classmethod
    def of(cls, backend: Backend, texts: int) -> Self:
        """Find out what a tokenizer puts around so many texts.

        Raises
        ------
        ValueError
            If it has no post-processor, and not the usual tokens.
        """
        if backend.post_processor is None:
            first, last = (_usual(backend, token) for token in USUAL)
            return cls((((first, 0),), *([((last, i),) for i in range(texts)])), tuple(range(texts)))
        probe = _probe(backend)
        made = backend.encode(*[probe] * texts)
        between: list[list[tuple[int, int]]] = [[]]
        types: list[int] = []
        for token, kind, sequence in zip(made.ids, made.type_ids, made.sequence_ids, strict=True):
            if sequence is None:
                between[-1].append((token, kind))
            elif sequence == len(types):
                types.append(kind)
                between.append([])
        if len(types) != texts:
            raise ValueError(f"it must keep the order of {texts} texts")
        return cls(tuple(map(tuple, between)), tuple(types))

    @property
    def special(self) -> int:
        """How many special tokens there are."""
        return sum(map(len, self.between))

    @property
    def first(self) -> int:
        """How many of them stand in front."""
        return len(self.between[0])

    def fill(self, texts: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
        """Return ids and types of texts, with the special tokens."""
        ids = [token for token, _ in self.between[0]]
        types = [kind for _, kind in self.between[0]]
        for own, kind, behind in zip(texts, self.types, self.between[1:], strict=True):
            ids += [*own, *(token for token, _ in behind)]
            types += [kind] * len(own) + [kind for _, kind in behind]
        return ids, types


def _usual(backend: Backend, token: str) -> int:
    found = backend.token_to_id(token)
    if found is None:
        raise ValueError(f"it must have the token {token}")
    return int(found)


def _probe(backend: Backend) -> str:
    """Return a text with a token."""
    text: str
    for text in chain("a", backend.get_vocab()):
        with suppress(Exception):  # the backend raises nothing more specific: a text that it cannot read
            if backend.encode(text, add_special_tokens=False).ids:
                return text
    raise ValueError("it must have a token for some text")
