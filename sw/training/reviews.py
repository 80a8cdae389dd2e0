"""Labelled reviews, one JSON object a line, gzipped."""

import gzip
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from files.loading import loading
from sw.imdb import LINE_BREAK

__all__ = ["Review", "load_reviews"]


@dataclass(frozen=True, kw_only=True)
class Review:
    """A text and its label, 1 for positive."""

    text: str
    label: int


def load_reviews(path: Path, count: int | None = None, start: int = 0) -> list[Review]:
    """Read ``count`` reviews (all, if None) from the line ``start`` on, with spaces for their HTML line breaks.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If a line is not a review, with its number.
    """
    reviews = []
    with loading(path, "a file of reviews"), gzip.open(path, "rt", encoding="utf-8") as file:
        lines = islice(enumerate(file, 1), start, None if count is None else start + count)
        for number, line in lines:
            try:
                entry = json.loads(line)
                text = str(entry["text"]).replace(LINE_BREAK, " ")
                reviews.append(Review(text=text, label=int(entry["label"])))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"line {number} must be a review with text and label: {error!r}") from None
    return reviews
