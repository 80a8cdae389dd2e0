"""``python -m sw embed``."""

import json
from pathlib import Path

import numpy as np
import pytest

from sw.apps.embed import Embedder, Embedding
from sw.cli import embed
from sw.cli.main import main
from sw.families.tokenizer import Text
from tests.sw.lowering.test_pool import pooled
from tests.sw.tiny_model import save_tiny_model, tiny_tokenizer


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    folder = tmp_path / "encoder"
    folder.mkdir()
    pooled(1, layers=1, hidden=8, ffn=12).save(folder / "checkpoint.safetensors")
    tiny_tokenizer().save(folder / "tokenizer.json")
    return str(folder)


def test_vectors_of_a_file(encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, output = tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("a b", "c", "a b")))
    options = ["--model", encoder, "--preset", "tiny", "--backend", "model", "--max-length", "8"]
    assert main(["embed", "--data", str(data), "-o", str(output), *options]) == 0
    vectors = np.load(output)
    assert (vectors.shape, vectors.dtype) == ((3, 8), np.float32)
    assert (vectors[0] == vectors[2]).all()
    assert (vectors[0] != vectors[1]).any()
    assert "3 of 3 bit exact against the reference" in capsys.readouterr().out
    assert main(["embed", "--text", "c", "-o", str(output), *options]) == 0
    np.testing.assert_array_equal(np.load(output), vectors[1:2])


def test_wrong_arguments_are_one_line(encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, output = save_tiny_model(tmp_path / "model"), tmp_path / "vectors.npy"
    for arguments, message in (
        (["--model", str(model), "--text", "a"], "the model makes labels, not vectors"),
        (["--model", encoder, "--text", "a", "--limit", "2"], "--limit is for several texts, not for one of --text"),
    ):
        options = ["--preset", "tiny", "--backend", "model", "--max-length", "8", "-o", str(output)]
        assert main(["embed", *arguments, *options]) == 2
        assert message in capsys.readouterr().err
        assert not output.exists()


def test_a_classifier_is_not_what_classify_gets(
    encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del tmp_path
    options = ["--preset", "tiny", "--backend", "model", "--max-length", "8", "--jobs", "1"]
    assert main(["classify", "--model", encoder, "--text", "a", *options]) == 2
    assert "the model makes vectors, not labels" in capsys.readouterr().err


def test_the_first_vectors_are_kept_when_a_text_fails(
    encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Embedder):
        def answer(self, text: Text) -> Embedding:
            if text == "b":
                raise RuntimeError("gone")
            return super().answer(text)

    monkeypatch.setattr(embed, "Embedder", Failing)
    data, output = tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in "aabc"))
    options = ["--model", encoder, "--preset", "tiny", "--backend", "model", "--max-length", "8", "--jobs", "1"]
    assert main(["embed", "--data", str(data), "-o", str(output), *options]) == 2
    assert capsys.readouterr().err == f"python -m sw: gone; {output} has the first 2 of 4 texts\n"
    assert np.load(output).shape == (2, 8)
