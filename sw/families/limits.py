"""How long a model's texts may be, and what stays of longer ones, where its files say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

from sw.families.model_folder import read_object
from sw.families.tokenizer import Truncation

__all__ = ["Limits"]

SETTINGS = "tokenizer_config.json"

SENTENCES = "sentence_bert_config.json"

UNLIMITED = 1 << 30
"""Tokenizers without a limit have a number far beyond."""

SIDES: dict[str, Truncation] = {"right": "head", "left": "tail"}
"""What stays, by the side at which tokens go."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Most tokens of a text, and what stays of a longer one; None where nothing is said."""

    max_length: int | None = None
    truncation: Truncation | None = None

    @classmethod
    def of_tokenizer(cls, folder: Path) -> Self:
        """Read what the tokenizer of a Hugging Face folder says.

        Raises
        ------
        OSError, ValueError
            If its settings cannot be read, or are none.
        """
        path = folder / SETTINGS
        settings = read_object(path) if path.exists() else {}
        side, length = settings.get("truncation_side", "right"), settings.get("model_max_length")
        if not isinstance(side, str) or side not in SIDES:
            raise ValueError(f"{path} must have truncation_side right or left, not {side!r}")
        if isinstance(length, float) and length.is_integer():
            length = int(length)  # a number beyond all limits is written so
        limits = [_length(path, "model_max_length", length), _sentence_length(folder)]
        return cls(max_length=min((n for n in limits if n), default=None), truncation=SIDES[side])

    @classmethod
    def of_checkpoint(cls, path: Path) -> Self:
        """Read what ``config.json`` beside a checkpoint says; nothing, if there is none.

        Raises
        ------
        OSError, ValueError
            If it cannot be read, or says something else.
        """
        settings: Mapping[str, Any] = read_object(path) if path.exists() else {}
        truncation = settings.get("truncation")
        if truncation not in (None, *get_args(Truncation)):
            raise ValueError(f"{path} must have a truncation of {', '.join(get_args(Truncation))}, not {truncation!r}")
        return cls(max_length=_length(path, "max_length", settings.get("max_length")), truncation=truncation)


def _sentence_length(folder: Path) -> int | None:
    """Most tokens that sentence-transformers gives the model."""
    path = folder / SENTENCES
    settings = read_object(path) if path.exists() else {}
    if settings.get("do_lower_case", False) is not False:
        raise ValueError(f"{path} must have do_lower_case false: letters are the tokenizer's own matter")
    return _length(path, "max_seq_length", settings.get("max_seq_length"))


def _length(path: Path, name: str, value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 2:
        raise ValueError(f"{path} must have a {name} of at least 2, not {value!r}")
    return value if value < UNLIMITED else None
