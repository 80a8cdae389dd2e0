"""Reviews from files and folders."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

__all__ = ["LabelledText", "load_texts"]

FOLDERS = ("neg", "pos")
"""Of the Large Movie Review Dataset, in order of their labels."""


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """A text and its label's index, if it is known."""

    text: str
    label: int | None = None


def load_texts(path: Path, labels: Sequence[str] = (), limit: int | None = None) -> list[LabelledText]:
    """Read texts.

    Parameters
    ----------
    path : Path
        A folder with ``neg`` and ``pos``, or one above a ``test`` with both, whose files alternate; or a ``.jsonl`` or
        ``.jsonl.gz`` file of objects with ``text`` and perhaps ``label``, an index or a name.
    labels : sequence of str
        Names that labels may have.
    limit : int, optional
        Read no more texts than this.

    Raises
    ------
    OSError
        If the path cannot be read.
    ValueError
        If it holds no texts, or a line is not one, with its number.
    """
    found = _folder(path) if path.is_dir() else _lines(path, labels)
    texts = list(islice(found, limit))
    if not texts:
        raise ValueError(f"{path} must hold at least one text")
    return texts


def _folder(path: Path) -> Iterator[LabelledText]:
    base = path if (path / FOLDERS[0]).is_dir() else path / "test"
    if not all((base / name).is_dir() for name in FOLDERS):
        raise ValueError(f"{path} must be a folder with {' and '.join(FOLDERS)}, or a .jsonl file")
    files = [[(label, file) for file in sorted((base / name).glob("*.txt"))] for label, name in enumerate(FOLDERS)]
    for item in chain.from_iterable(zip_longest(*files)):
        if item:
            label, file = item
            yield LabelledText(text=file.read_text(encoding="utf-8", errors="replace"), label=label)


def _lines(path: Path, labels: Sequence[str]) -> Iterator[LabelledText]:
    with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parse(line, labels, f"{path}, line {number},")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file: {error}") from None


def _parse(line: bytes, labels: Sequence[str], where: str) -> LabelledText:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} must be JSON: {error}") from None
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise ValueError(f"{where} must be an object with a text")
    return LabelledText(text=entry["text"], label=_label(entry.get("label"), labels, where))


def _label(value: Any, labels: Sequence[str], where: str) -> int | None:
    if value is None or not labels:
        return None
    if value in labels:
        return labels.index(value)
    if isinstance(value, int) and 0 <= value < len(labels):
        return int(value)
    raise ValueError(f"{where} must have a label of {', '.join(labels)} or its number, not {value!r}")
