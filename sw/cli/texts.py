"""Texts from files and folders."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Self

from files.loading import loading
from sw.cli.labels import Labels
from sw.families.tokenizer import Text
from sw.imdb import FOLDERS, LINE_BREAK
from sw.sound_text import sound_text

__all__ = ["FORMATS", "LabelledText", "load_texts"]

FORMATS = (
    'a .jsonl file whose lines are objects such as {"text": "...", "label": "positive"}; a .csv file whose first line '
    "names the columns text and label; either with .gz behind; or an aclImdb folder with pos and neg. A label is a "
    "name of the model's, or its number from 0 on; it may be absent. The second text of a pair is "
    "called pair"
)
"""What :func:`load_texts` reads, for ``--help``."""


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """A text, and the ``pair`` behind it if there are two.

    ``utf8`` if all of it is; its label's index, if it is known; ``by_number`` if no name said which.
    """

    text: str
    pair: str | None = None
    utf8: bool = True
    label: int | None = None
    by_number: bool = False

    @classmethod
    def of(cls, raw: str | bytes, pair: str | None = None) -> Self:
        """Return a text without a label; what is not UTF-8 in it becomes U+FFFD. An empty pair is none."""
        if isinstance(raw, bytes):
            raw = raw.decode("utf-8-sig", "surrogateescape")
        text, utf8 = sound_text(raw)
        second, second_utf8 = sound_text(pair or "")
        return cls(text=text, pair=second or None, utf8=utf8 and second_utf8)

    @property
    def content(self) -> Text:
        """What a tokenizer takes."""
        return self.text if self.pair is None else (self.text, self.pair)


@dataclass(frozen=True)
class _Entry:
    """A text, its label as a file has it, and where that stands."""

    text: str | bytes
    label: Any
    where: str
    pair: str | None = None


def load_texts(
    path: Path, labels: Sequence[str] = (), limit: int | None = None, renamed: Mapping[str, str] | None = None
) -> list[LabelledText]:
    """Read texts.

    Parameters
    ----------
    path : Path
        A folder with ``neg`` and ``pos``, or one above a ``test`` with both, whose files alternate, with spaces for
        their HTML line breaks; a ``.csv`` file whose first line names the column ``text`` and perhaps ``label``
        and ``pair``; or a file of JSON objects, one a line, with the same names. Files may be gzipped (``.gz``).
    labels : sequence of str
        The model's; without them those of the texts are not looked at.
    limit : int, optional
        Read no more texts than this.
    renamed : mapping of str to str, optional
        The model's labels by those of the file, as :class:`Labels` takes them.

    Raises
    ------
    OSError
        If the path cannot be read.
    ValueError
        If it holds no texts, a part of it is not one, or it has labels that the model does not have.
    """
    with loading(path, "a folder of texts" if path.is_dir() else "a file of texts"):
        entries = list(islice(_entries(path), None if limit is None else min(limit, sys.maxsize)))
        if not entries:
            raise ValueError("it must hold at least one text")
        spelt = [_spelt(entry) for entry in entries] if labels else []
    if not labels:
        return [LabelledText.of(entry.text, entry.pair) for entry in entries]
    ours = Labels(labels, renamed)
    found = {label: ours.index(label) for label in spelt if label is not None}
    if None in found.values():
        raise ValueError(f"{path} does not fit the model: {ours.refusal(sorted(found))}")
    return [_labelled(entry, label, ours) for entry, label in zip(entries, spelt, strict=True)]


def _labelled(entry: _Entry, label: str | None, labels: Labels) -> LabelledText:
    text = LabelledText.of(entry.text, entry.pair)
    if label is None:
        return text
    return replace(text, label=labels.index(label), by_number=labels.by_number(label))


def _entries(path: Path) -> Iterator[_Entry]:
    if path.is_dir():
        yield from _folder(path)
        return
    name = path.name.lower()
    read = _rows if name.removesuffix(".gz").endswith(".csv") else _lines
    with path.open("rb") as raw:
        if name.endswith(".gz"):
            with gzip.open(raw) as file, _whole_gzip():
                yield from read(file)  # type: ignore[arg-type]  # it is a binary file
        else:
            yield from read(raw)


@contextmanager
def _whole_gzip() -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"it is not a whole gzip file: {error}") from None


def _folder(path: Path) -> Iterator[_Entry]:
    base = path if (path / FOLDERS[0]).is_dir() else path / "test"
    if not all((base / name).is_dir() for name in FOLDERS):
        raise ValueError(f"it must have the folders {' and '.join(FOLDERS)}; or name a .jsonl or .csv file")
    files = [[(name, file) for file in sorted((base / name).glob("*.txt"))] for name in FOLDERS]
    for item in chain.from_iterable(zip_longest(*files)):
        if item:
            name, file = item
            yield _Entry(file.read_bytes().replace(LINE_BREAK.encode(), b" "), name, file.name)


def _lines(file: BinaryIO) -> Iterator[_Entry]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        # What is not UTF-8 within a text is the text's affair.
        decoded = line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")
        try:
            entry = json.loads(decoded)
        except RecursionError:
            raise ValueError(f"line {number} is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"line {number} must be JSON: {error}") from None
        if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
            raise ValueError(f"line {number} must be an object with a text")
        if not isinstance(entry.get("pair"), str | None):
            raise ValueError(f"line {number} must have a pair that is a text, not {entry['pair']!r}")
        yield _Entry(entry["text"], entry.get("label"), f"line {number}", entry.get("pair"))


def _rows(file: BinaryIO) -> Iterator[_Entry]:
    csv.field_size_limit(sys.maxsize)  # a text may be as long as it likes
    decoded = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    rows = csv.reader(decoded, strict=True)
    try:
        columns = [name.strip().casefold() for name in next(rows, [])]
        if "text" not in columns:
            raise ValueError(
                f"line 1 must name a column text, and perhaps label, not {', '.join(columns) or 'nothing'}"
            )
        for row in rows:
            if not row:
                continue
            where = f"line {rows.line_num}"
            if len(row) != len(columns):
                raise ValueError(f"{where} must have {len(columns)} columns, not {len(row)}")
            entry = dict(zip(columns, row, strict=True))
            yield _Entry(entry["text"], entry.get("label"), where, entry.get("pair"))
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num} must be CSV: {error}") from None
    finally:
        decoded.detach()  # the file is not this function's to close


def _spelt(entry: _Entry) -> str | None:
    """Return a label as text; a whole number as that, however it is written."""
    match entry.label:
        case None:
            return None
        case str():
            return entry.label if entry.label.strip() else None
        case int():
            return str(int(entry.label))
        case float() if entry.label.is_integer():
            return str(int(entry.label))
    raise ValueError(f"{entry.where} must have a label that is a name or a number, not {entry.label!r}")
