"""A model small enough for any test of what runs one, on disk like a real one."""

from pathlib import Path

from tokenizers import Tokenizer as Backend
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace

from sw.families.tokenizer import Tokenizer
from sw.network.random_checkpoint import random_checkpoint

__all__ = ["save_tiny_model", "tiny_tokenizer"]

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz")


def tiny_tokenizer() -> Tokenizer:
    """One token a letter, as long as letters stand apart."""
    backend = Backend(WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    return Tokenizer(backend)


def save_tiny_model(folder: Path) -> Path:
    """Write checkpoint and tokenizer and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    random_checkpoint(0, layers=1, hidden=8, ffn=12).save(folder / "checkpoint.safetensors")
    tiny_tokenizer().save(folder / "tokenizer.json")
    return folder
