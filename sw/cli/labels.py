"""Labels of a file in terms of a model's."""

import re
from collections.abc import Mapping, Sequence

from files.one_line import one_line

__all__ = ["Labels"]

_FULL = {"neg": "negative", "pos": "positive"}
"""Names of the movie reviews' folders, and what models call the same."""

_NUMBER = re.compile(r"(\d+)(\.0*)?", re.ASCII)

_SHOWN = 10
"""Labels that a message lists."""

_LONGEST = 40
"""Characters of a label there."""


class Labels:
    """Finds the model's label that a file means: by name, and a number that is no name by place.

    Names fit whatever their case, and ``neg`` and ``pos`` fit ``negative`` and ``positive``.

    Parameters
    ----------
    names : sequence of str
        The model's labels.
    renamed : mapping of str to str, optional
        The model's labels, or their numbers, by labels of the file.

    Raises
    ------
    ValueError
        If a label is renamed to one that the model does not have.
    """

    def __init__(self, names: Sequence[str], renamed: Mapping[str, str] | None = None) -> None:
        self.names = tuple(names)
        self._renamed = {}
        for theirs, ours in (renamed or {}).items():
            index = self._named(ours)
            if index is None:
                index = self._numbered(ours)
            if index is None:
                raise ValueError(f"{theirs} cannot be {ours!r}: the model has the labels {_listed(self.names)}")
            self._renamed[theirs] = index

    def index(self, label: str) -> int | None:
        """Return the number of the model's label that one of a file means, or None if it has none."""
        if label in self._renamed:
            return self._renamed[label]
        index = self._named(label)
        return self._numbered(label) if index is None else index

    def by_number(self, label: str) -> bool:
        """Whether a label means one of the model's by its place alone."""
        return label not in self._renamed and self._named(label) is None and self._numbered(label) is not None

    def refusal(self, labels: Sequence[str]) -> str:
        """Return what is wrong with the labels of a file, one of which the model does not have."""
        return (
            f"it has the labels {_listed(labels)}, the model {_listed(self.names)}; "
            "say which is which with --label-map THEIRS=MODELS"
        )

    def _named(self, label: str) -> int | None:
        if label in self.names:
            return self.names.index(label)
        same = [index for index, name in enumerate(self.names) if _plain(name) == _plain(label)]
        return same[0] if len(same) == 1 else None

    def _numbered(self, label: str) -> int | None:
        number = _NUMBER.fullmatch(label)
        index = int(number[1]) if number and len(number[1]) < 10 else len(self.names)
        return index if index < len(self.names) else None


def _plain(label: str) -> str:
    name = label.strip().casefold()
    return _FULL.get(name, name)


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN} others" if len(labels) > _SHOWN else ""
    shown = (one_line(label) for label in labels[:_SHOWN])
    return ", ".join(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..." for name in shown) + more
