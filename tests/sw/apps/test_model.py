"""A model answers as a pipeline does, and refuses what it is not for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import systolm
from sw.apps.model import load_model
from sw.network.checkpoint import Checkpoint
from tests.sw.lowering.test_pool import pooled
from tests.sw.tiny_model import save_tiny_model, tiny_tokenizer

PRESET = "tiny"


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "classifier")


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    checkpoint: Checkpoint = pooled(1, layers=1, hidden=8, ffn=12)
    (tmp_path / "encoder").mkdir()
    checkpoint.save(tmp_path / "encoder" / "checkpoint.safetensors")
    tiny_tokenizer().save(tmp_path / "encoder" / "tokenizer.json")
    return tmp_path / "encoder"


@pytest.mark.parametrize("backend", ["model", "rtl"])
def test_labels_and_scores(classifier: Path, backend: str) -> None:
    model = load_model(classifier, preset=PRESET, backend=backend, max_length=8)
    assert model.cycles is None
    answers = model(["a b", "b c d"])
    assert [set(answer) for answer in answers] == [{"label", "score"}] * 2
    assert all(0 <= answer["score"] <= 1 for answer in answers)
    assert model("a b") == answers[:1]
    assert (model.cycles is None) is (backend == "model")
    with pytest.raises(ValueError, match=r"^the model makes labels, not vectors: call it$"):
        model.embed("a")


def test_vectors(encoder: Path) -> None:
    model = load_model(encoder, preset=PRESET, max_length=8)
    vectors = model.embed(["a b", "c"])
    assert (vectors.shape, vectors.dtype) == ((2, 8), np.float32)
    np.testing.assert_array_equal(model.embed("c"), vectors[1:])
    with pytest.raises(ValueError, match=r"^the model makes vectors, not labels: use embed$"):
        model("a")


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ([], ValueError, "there must be at least one text"),
        ([5], TypeError, "texts must be str or pairs of str, not int"),
        ([("a", "b", "c")], TypeError, "texts must be str or pairs of str, not tuple"),
    ],
)
def test_what_is_no_text_is_refused(classifier: Path, texts: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        load_model(classifier, preset=PRESET, max_length=8)(texts)


def test_unknown_preset_and_model() -> None:
    with pytest.raises(ValueError, match=r"^preset must be one of default, .*, not 'odd'$"):
        load_model("minilm-l6-imdb", preset="odd")
    with pytest.raises(FileNotFoundError, match=r"^there is no model at nowhere$"):
        load_model("nowhere")


def test_names_are_handed_on() -> None:
    assert all(getattr(systolm, name) is not None for name in systolm.__all__)
    assert systolm.load_model is load_model
