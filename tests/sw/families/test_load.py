"""Every family in float says what transformers say; what is not its model is refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from sw.families.load import load_model
from tests.sw.families.odd_models import ODD_MODELS
from tests.sw.families.random_model import float_logits, random_model
from tests.sw.tiny_model import tiny_tokenizer


def texts(folder: Path) -> list[list[int]]:
    """Short and the longest; the padding token is in none of them."""
    model, rng = load_model(folder), np.random.default_rng(0)
    return [rng.integers(5, 60, length).tolist() for length in (1, 2, 17, model.positions)]


@pytest.mark.parametrize("case", ODD_MODELS)
def test_results_are_those_of_transformers(tmp_path: Path, case: str) -> None:
    family, settings = ODD_MODELS[case]
    model = load_model(random_model(tmp_path, family, **settings))
    for ids in texts(tmp_path):
        np.testing.assert_allclose(model.forward(ids), float_logits(tmp_path, ids), atol=1e-5)
    assert len(model.labels) == settings.get("num_labels", 2)
    if "type_vocab_size" in settings and settings["type_vocab_size"] > 1:
        ids = texts(tmp_path)[2]
        types = [0, 2, *([1] * 15)]
        given = model.forward(ids, token_types=types)
        np.testing.assert_allclose(given, float_logits(tmp_path, ids, types), atol=1e-5)
        assert np.abs(given - model.forward(ids)).max() > 1e-4


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "electra"])
def test_plain_encoders_are_not_fine_tuned(tmp_path: Path, family: str) -> None:
    AutoModel.from_pretrained(random_model(tmp_path, family)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"the model must be fine-tuned: it has no (pre_)?classifier\."):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("family", "unused"),
    [
        ("distilbert", "vocab_transform.weight"),
        ("roberta", "lm_head.bias"),
        ("roberta", "roberta.pooler.dense.weight"),
        ("electra", "discriminator_predictions.dense.weight"),
        ("electra", "electra.embeddings.position_ids"),
    ],
)
def test_weights_of_pretraining_do_not_matter(tmp_path: Path, family: str, unused: str) -> None:
    path = random_model(tmp_path, family) / "model.safetensors"
    before = load_model(tmp_path).forward([7, 8, 9])
    save_file(load_file(path) | {unused: torch.zeros(3)}, path)
    np.testing.assert_array_equal(load_model(tmp_path).forward([7, 8, 9]), before)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_narrow_floats_in_parts_of_pickles(tmp_path: Path, kind: Any) -> None:
    path = random_model(tmp_path, "electra", embedding_size=24) / "model.safetensors"
    tensors = {name: tensor.to(kind) for name, tensor in load_file(path).items()}
    path.unlink()
    names = sorted(tensors)
    for part in (0, 1):
        torch.save({name: tensors[name] for name in names[part::2]}, tmp_path / f"part-{part}.bin")
    parts = {name: f"part-{i % 2}.bin" for i, name in enumerate(names)}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": parts}))
    word = load_model(tmp_path).embed.word
    np.testing.assert_array_equal(word, tensors["electra.embeddings.word_embeddings.weight"].float().numpy())


def test_other_heads_are_refused_by_name(tmp_path: Path) -> None:
    random_model(tmp_path, "roberta")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["RobertaForMultipleChoice"]}))
    with pytest.raises(ValueError, match="must be a RobertaForSequenceClassification, not a RobertaForMultipleChoice"):
        load_model(tmp_path)


def test_tokenizer_with_more_ids_than_words_is_refused(tmp_path: Path) -> None:
    random_model(tmp_path, "distilbert", vocab_size=20)
    with pytest.raises(ValueError, match=r"must have a vocab_size of at least 30, the ids of its tokenizer, not 20"):
        load_model(tmp_path, tiny_tokenizer())
