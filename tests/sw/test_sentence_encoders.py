"""Sentence encoders from a folder of sentence-transformers to vectors: floats as torch's, integers near them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

import torch
from transformers import AutoModel, AutoModelForSequenceClassification

from sim import open_device
from spec.config import AcceleratorConfig
from spec.presets import PRESETS
from sw.apps.compare import compare_networks
from sw.families.limits import Limits
from sw.families.load import load_model
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.reference import embed, forward
from sw.quantizer.quantize import quantize_network
from tests.sw.families.random_model import random_model

TYPES = "sentence_transformers.models."


def sentence_encoder(folder: Path, family: str, *, first: bool = False, normalise: bool = True, **changes: Any) -> Path:
    """Write a random encoder as sentence-transformers lays it out, and return ``folder``."""
    classifier = AutoModelForSequenceClassification.from_pretrained(random_model(folder / "whole", family, **changes))
    classifier.base_model.save_pretrained(folder)
    kinds = ["Transformer", "Pooling", "Normalize"][: 3 if normalise else 2]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [{"idx": i, "path": paths[i], "type": f"{TYPES}{kind}"} for i, kind in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": first, "pooling_mode_mean_tokens": not first}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def vector(folder: Path, ids: list[int], *, first: bool, normalise: bool) -> np.ndarray:
    """Return what torch makes of a text."""
    with torch.no_grad():
        rows = AutoModel.from_pretrained(folder).eval()(torch.tensor([ids])).last_hidden_state[0]
    pooled = rows[0] if first else rows.mean(0)
    return (pooled / pooled.norm() if normalise else pooled).numpy()


def texts(count: int, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(5, 60, length).tolist() for length in rng.integers(2, 40, count)]


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "electra"])
@pytest.mark.parametrize("how", [{}, {"first": True}, {"normalise": False}])
def test_floats_integers_and_programs(tmp_path: Path, family: str, how: dict[str, bool]) -> None:
    more = {"embedding_size": 16} if family == "electra" else {}
    folder = sentence_encoder(tmp_path / "model", family, **how, **more)
    model = load_model(folder)
    ids = texts(1)[0]
    expected = vector(folder, ids, **{"first": False, "normalise": True} | how)
    np.testing.assert_allclose(model.forward(ids), expected, atol=2e-5)
    checkpoint = quantize_network(model, texts(40))
    checkpoint.save(tmp_path / "checkpoint.safetensors")
    checkpoint = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert (checkpoint.task, checkpoint.labels) == ("embedding", ())
    comparison = compare_networks(model, checkpoint, texts(30, seed=1))
    assert comparison.same_label is None
    assert comparison.cosine is not None
    assert comparison.cosine[0] > 0.995
    assert comparison.cosine[1] > 0.98
    for config in (AcceleratorConfig(rows=4, cols=4), AcceleratorConfig(rows=3, cols=5), PRESETS["icebreaker"]):
        rows = embed(checkpoint, ids)
        made = open_device("model", config).run(NetworkLowering(checkpoint, config).lower(len(ids)), {"rows": rows})
        np.testing.assert_array_equal(made.outputs["logits"], forward(checkpoint, rows))


def test_rtl_makes_the_same_sums(tmp_path: Path) -> None:
    model = load_model(sentence_encoder(tmp_path / "model", "bert", num_hidden_layers=1))
    checkpoint, config = (
        quantize_network(model, texts(10)),
        AcceleratorConfig(
            rows=4, cols=4, acc_depth=16, scratchpad_kib=16, vector_kib=16, param_words=64, weight_fifo_words=32
        ),
    )
    rows = embed(checkpoint, texts(1)[0][:7])
    sums = (
        open_device("rtl", config).run(NetworkLowering(checkpoint, config).lower(7), {"rows": rows}).outputs["logits"]
    )
    np.testing.assert_array_equal(sums, forward(checkpoint, rows))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", "[]", "must have the modules Transformer, Pooling, Normalize, the last or not, not"),
        ("modules.json", "{}", "modules must be objects"),
        ("modules.json", "[1", "modules.json is not a list of modules"),
        (
            "1_Pooling/config.json",
            '{"pooling_mode_max_tokens": true}',
            "must have one of pooling_mode_mean_tokens and pooling_mode_cls_token, not pooling_mode_max_tokens",
        ),
        (
            "1_Pooling/config.json",
            "{}",
            "must have one of pooling_mode_mean_tokens and pooling_mode_cls_token, not none",
        ),
    ],
)
def test_other_poolings_are_refused(tmp_path: Path, file: str, content: str, message: str) -> None:
    folder = sentence_encoder(tmp_path / "model", "bert", num_hidden_layers=1)
    (folder / file).write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_a_dense_layer_behind_is_refused(tmp_path: Path) -> None:
    folder = sentence_encoder(tmp_path / "model", "bert", num_hidden_layers=1, normalise=False)
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "path": "2_Dense", "type": f"{TYPES}Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match="the last or not, not Transformer, Pooling, Dense"):
        load_model(folder)


def test_its_own_length_counts(tmp_path: Path) -> None:
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 24, "do_lower_case": false}')
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 512}')
    assert Limits.of_tokenizer(tmp_path).max_length == 24
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 24, "do_lower_case": true}')
    with pytest.raises(ValueError, match="must have do_lower_case false"):
        Limits.of_tokenizer(tmp_path)
