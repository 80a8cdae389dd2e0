"""Load the tokenizer of a Hugging Face model, with all settings beside it."""

import json
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from files.loading import loading
from sw.families.model_folder import existing_folder, load_packages, read_object, read_text, refuse_pointer
from sw.families.read_config import read_config
from sw.families.tokenizer import Text, Tokenizer

__all__ = ["load_tokenizer"]

TOKENIZER = "tokenizer.json"
VOCABULARIES = (("vocab.txt",), ("vocab.json", "merges.txt"), ("sentencepiece.bpe.model",))
"""Files of which transformers make one, the first that is there with what belongs to it."""

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
    "<s> </s> <mask> <unk> <pad> a<mask>b  a <mask> b",
    "   leading, trailing and  two   spaces   ",
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
    with loading(folder, "a folder with a tokenizer of its model"):
        text = theirs.backend_tokenizer.to_str()
        tokenizer = Tokenizer(Backend.from_str(text if "token_type_ids" in theirs("a") else _of_one_type(text)))
    _compare(folder, tokenizer, theirs)
    return tokenizer


def _settings(folder: Path) -> dict[str, Any]:
    """Read all files of a tokenizer, and return its settings."""
    if (folder / TOKENIZER).exists():
        read_object(folder / TOKENIZER)
    else:
        names = next((names for names in VOCABULARIES if (folder / names[0]).exists()), None)
        if names is None:
            others = ", ".join(" with ".join(names) for names in VOCABULARIES)
            raise FileNotFoundError(f"{folder} has no {TOKENIZER} and no {others}; name one with --tokenizer")
        for name in names:
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder} has {names[0]}, but no {name}")
            if name.endswith(".model"):
                refuse_pointer(folder / name)
            else:
                read_text(folder / name)
    for name in OTHERS:
        if (folder / name).exists():
            read_object(folder / name)
    path = folder / SETTINGS
    settings = read_object(path) if path.exists() else {}
    for name, why in REFUSED:
        if settings.get(name):
            raise ValueError(f"{path} must not have {name}: {why}")
    return settings


def _auto_tokenizer(folder: Path, settings: dict[str, Any]) -> Any:
    from transformers import AutoTokenizer  # noqa: PLC0415  # optional and slow

    kind = settings.get("tokenizer_class")
    what = "a folder from which AutoTokenizer loads a " + (kind if isinstance(kind, str) else "tokenizer")
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


def _of_one_type(text: str) -> str:
    """A tokenizer's file without token types, which its class does not hand to the model."""
    content = json.loads(text)
    _forget_types(content.get("post_processor"))
    return json.dumps(content)


def _forget_types(part: Any) -> None:
    if isinstance(part, dict):
        if "type_id" in part:
            part["type_id"] = 0
        for inner in part.values():
            _forget_types(inner)
    elif isinstance(part, list):
        for inner in part:
            _forget_types(inner)


def _compare(folder: Path, tokenizer: Tokenizer, theirs: Any) -> None:
    """Raise ValueError if the tokens are not AutoTokenizer's."""
    added = [token.content for token in theirs.added_tokens_decoder.values()]
    texts = (*HARD_TEXTS, *(f"a{token}b {token} {token.upper()} {token.lower()}," for token in added[:200]))
    pairs: Iterator[Text] = zip(HARD_TEXTS[1:], reversed(HARD_TEXTS[1:]), strict=True)
    for text in chain(texts, pairs):
        expected = theirs(text) if isinstance(text, str) else theirs(*text)
        found = tokenizer.encode(text, ENOUGH)
        if found.ids != expected["input_ids"]:
            raise ValueError(
                f"{folder}: its tokenizer must put the same special tokens around every text, but for "
                f"{str(text)[:40]!r} AutoTokenizer gives {_shown(theirs, expected['input_ids'])}, not "
                f"{_shown(theirs, found.ids)}"
            )
        if found.types != expected.get("token_type_ids", [0] * len(found.ids)):
            raise ValueError(f"{folder}: its tokenizer must give all tokens of a text the same type")


def _shown(theirs: Any, ids: list[int]) -> str:
    tokens = theirs.convert_ids_to_tokens(ids)
    return " ".join([token[:20] for token in tokens[:8]] + ["…"] * (len(tokens) > 8)) or "none"
