from pathlib import Path

import pytest

from sw.quantizer import load_tokenizer
from tests.sw.tiny_model import WORDS, save_tiny_model

pytest.importorskip("transformers", reason="transformers are not installed")


def test_older_folders_have_a_vocabulary_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    expected = load_tokenizer(save_tiny_model(tmp_path / "new")).encode("a b c d e", 5)
    assert load_tokenizer(tmp_path).encode("a b c d e", 5) == expected


def test_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no tokenizer.json; name one with --tokenizer"):
        load_tokenizer(tmp_path)
