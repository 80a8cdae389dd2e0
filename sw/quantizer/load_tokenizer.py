"""Load the tokenizer of a Hugging Face model."""

import os
from pathlib import Path

from sw.tokenizer import Tokenizer

__all__ = ["load_tokenizer"]

TOKENIZER = "tokenizer.json"
VOCABULARY = "vocab.txt"


def load_tokenizer(model: str | os.PathLike[str]) -> Tokenizer:
    """Read ``tokenizer.json`` of a folder or of a name on the hub, or the ``vocab.txt`` of an older folder.

    Raises
    ------
    ModuleNotFoundError
        If transformers are needed and not installed.
    OSError
        If there is no such model.
    ValueError
        If it is not a tokenizer of BERT, with the reason in one line.
    """
    folder = Path(model)
    if (folder / TOKENIZER).exists():
        return Tokenizer.load(folder / TOKENIZER)
    if folder.is_dir() and not (folder / VOCABULARY).exists():
        raise FileNotFoundError(f"{folder} has no {TOKENIZER}; name one with --tokenizer")
    try:
        from huggingface_hub.utils import logging  # noqa: PLC0415  # optional and slow
        from transformers import BertTokenizerFast  # noqa: PLC0415
        from transformers.utils import cached_file  # noqa: PLC0415
    except ImportError:
        raise ModuleNotFoundError(
            f"{folder / TOKENIZER} is absent, and finding it needs transformers: pip install 'systolm[model]'"
        ) from None
    if folder.is_dir():
        return Tokenizer(BertTokenizerFast.from_pretrained(model).backend_tokenizer)
    logging.get_logger().setLevel("ERROR")  # it tells of every attempt
    return Tokenizer.load(cached_file(os.fspath(model), TOKENIZER))
