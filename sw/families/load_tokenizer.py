"""Load the tokenizer of a Hugging Face model, with all settings beside it."""

import os
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from files.loading import loading
from sw.families.model_folder import existing_folder, load_packages, read_object, read_text
from sw.families.read_config import read_config
from sw.families.tokenizer import Tokenizer

__all__ = ["load_tokenizer"]

TOKENIZER = "tokenizer.json"
VOCABULARY = "vocab.txt"
SETTINGS = "tokenizer_config.json"
OTHERS = ("special_tokens_map.json", "added_tokens.json")

REFUSED = (("auto_map", "code of its own is not run"), ("split_special_tokens", f"{TOKENIZER} cannot say so"))
"""Settings that a tokenizer must not have, and why."""

HARD_TEXTS = (
    "",
    "It's a plain text; isn't it?  (Yes: 3.50 euros!)",
    "ÀÉÎ Ça va? naïve NAÏVE Straße ẞ İstanbul ﬁn Ⅳ ½",
    "e\u0301 a\u0308 o\u0328",
    "東京タワー 中文字符 한국어 ガギグ パピプ",
    "Привет мир, Ελλάδα, עברית, العربية, हिन्दी",
    "tab\there\nline\r\nno\u00a0break\u200bzero\u200dwidth\ufeff",
    "control\x00\x01\x7f\ufffd",
    "😀 👩‍👩‍👧 🇩🇪",
    "[CLS] [SEP] [MASK] [UNK] [PAD] [cls][sep] a[MASK]b [unused0] [unused1]",
    "word" * 60,
    "well-known under_score e-mail@example.org http://a.b/c?d=e&f #tag @name $5 50% ~`^|<>{}\\",
)
"""What settings of tokenizers treat differently."""

ENOUGH = 100_000
"""More tokens than any of these texts has."""


def load_tokenizer(model: str | os.PathLike[str]) -> Tokenizer:
    """Read the tokenizer of a folder as transformers' ``AutoTokenizer`` does.

    Raises
    ------
    ModuleNotFoundError
        If transformers are not installed.
    OSError
        If there is no such model, or it has no tokenizer.
    ValueError
        If its tokenizer cannot be had as one file that gives the same tokens as ``AutoTokenizer``, with the reason.
    """
    load_packages()
    folder = existing_folder(model)
    read_config(folder)
    settings = _settings(folder)
    theirs = _auto_tokenizer(folder, settings)
    with loading(folder, "a folder with a tokenizer of BERT"):
        tokenizer = Tokenizer(Backend.from_str(theirs.backend_tokenizer.to_str()))
    _compare(folder, tokenizer, theirs)
    return tokenizer


def _settings(folder: Path) -> dict[str, Any]:
    """Read all files of a tokenizer, and return its settings."""
    if (folder / TOKENIZER).exists():
        read_object(folder / TOKENIZER)
    elif (folder / VOCABULARY).exists():
        read_text(folder / VOCABULARY)
    else:
        raise FileNotFoundError(f"{folder} has no {TOKENIZER} and no {VOCABULARY}; name one with --tokenizer")
    for name in OTHERS:
        if (folder / name).exists():
            read_object(folder / name)
    path = folder / SETTINGS
    settings = read_object(path) if path.exists() else {}
    for name, why in (
        ("auto_map", "code of its own is not run"),
        ("split_special_tokens", f"{TOKENIZER} cannot say so"),
    ):
        if settings.get(name):
            raise ValueError(f"{path} must not have {name}: {why}")
    return settings


def _auto_tokenizer(folder: Path, settings: dict[str, Any]) -> Any:
    from transformers import AutoTokenizer  # noqa: PLC0415  # optional and slow

    kind = settings.get("tokenizer_class")
    what = "a folder from which AutoTokenizer loads a " + (kind if isinstance(kind, str) else "tokenizer of BERT")
    with loading(folder, what):
        try:
            theirs = AutoTokenizer.from_pretrained(os.fspath(folder), local_files_only=True, trust_remote_code=False)
        except OSError as error:  # of the files that it looks for, not of the folder
            raise ValueError(str(error)) from None
    if not theirs.is_fast:
        raise ValueError(
            f"{folder / SETTINGS}: the tokenizer_class must be one that a {TOKENIZER} can stand for, not "
            f"{type(theirs).__name__}"
        )
    return theirs


def _compare(folder: Path, tokenizer: Tokenizer, theirs: Any) -> None:
    """Raise ValueError if the tokens are not AutoTokenizer's."""
    added = [token.content for token in theirs.added_tokens_decoder.values()]
    texts = (*HARD_TEXTS, *(f"a{token}b {token} {token.upper()} {token.lower()}," for token in added[:200]))
    for text in texts:
        expected, found = theirs(text)["input_ids"], tokenizer.encode(text, ENOUGH).ids
        if found != expected:
            raise ValueError(
                f"{folder}: its tokenizer must be WordPiece with [CLS] first and [SEP] last, but for {text[:40]!r} "
                f"AutoTokenizer gives {_shown(theirs, expected)}, not {_shown(theirs, found)}"
            )


def _shown(theirs: Any, ids: list[int]) -> str:
    tokens = theirs.convert_ids_to_tokens(ids)
    return " ".join([token[:20] for token in tokens[:8]] + ["…"] * (len(tokens) > 8)) or "none"
