"""A whole model becomes integers that say what the floats say, or a clear error."""

import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

import torch
from tokenizers import Tokenizer as Backend
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertForSequenceClassification, BertModel

from sw.checkpoint import Checkpoint
from sw.quantizer import compare, quantize
from sw.quantizer.compare import compare_bert
from sw.quantizer.load_bert import load_bert
from sw.quantizer.quantize import quantize_bert
from sw.tokenizer import Tokenizer
from tests.sw.quantizer.tiny_bert import tiny_bert


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def texts() -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [[2, *rng.integers(4, 60, rng.integers(2, 40)).tolist(), 3] for _ in range(60)]


def test_float_model_equals_transformers(folder: Path, texts: list[list[int]]) -> None:
    bert = load_bert(folder)
    theirs = BertForSequenceClassification.from_pretrained(folder).eval()
    for ids in texts[:5]:
        with torch.no_grad():
            expected = theirs(torch.tensor([ids])).logits[0].numpy()
        np.testing.assert_allclose(bert.forward(ids), expected, atol=1e-5)


@pytest.mark.parametrize("slots", [0, 4])
def test_integers_follow_the_floats(folder: Path, texts: list[list[int]], slots: int) -> None:
    bert = load_bert(folder)
    checkpoint = quantize_bert(bert, texts[:40], slots=slots)
    checkpoint.check()
    comparison = compare_bert(bert, checkpoint, texts[40:])
    assert comparison.texts == 20
    assert comparison.same_label >= 19
    assert comparison.logit_difference < 0.06
    assert list(comparison.relative_error) == [
        *(f"layers.{i}.{norm}" for i in range(2) for norm in ("input_norm", "mid_norm")),
        "pooler_norm",
    ]
    assert comparison.relative_error["layers.0.input_norm"] < 0.02
    assert max(comparison.relative_error.values()) < 0.06


def test_outlier_channels_get_slots_that_help(tmp_path: Path, texts: list[list[int]]) -> None:
    folder = tiny_bert(tmp_path / "model")
    model = BertForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.bert.encoder.layer[0].intermediate.dense.weight[7] *= 8
    model.save_pretrained(folder)
    bert = load_bert(folder)
    errors = []
    for slots in (0, 8):
        checkpoint = quantize_bert(bert, texts[:40], slots=slots)
        errors.append(compare_bert(bert, checkpoint, texts[40:]).relative_error["layers.1.input_norm"])
    assert (checkpoint.layers[0].ffn1_slots.channel == 7).sum() >= 2
    assert errors[1] < 0.8 * errors[0]


def test_same_input_same_bytes(folder: Path, texts: list[list[int]], tmp_path: Path) -> None:
    for name in ("a", "b"):
        quantize_bert(load_bert(folder), texts[:10]).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_from_texts_to_a_file_and_a_table(folder: Path, tmp_path: Path) -> None:
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film")
    backend = Backend(WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    tokenizer, samples = Tokenizer(backend), ["good film", "bad film", "bad bad film good " * 50]
    checkpoint = quantize(folder, samples, tokenizer, metadata={"license": "MIT"})
    assert checkpoint.labels == ("LABEL_0", "LABEL_1")
    assert checkpoint.metadata == {"license": "MIT", "calibration_texts": "3", "slots": "16"}
    checkpoint.save(tmp_path / "model")
    comparison = compare(folder, Checkpoint.load(tmp_path / "model"), samples, tokenizer)
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(comparison)
    shown = console.export_text()
    assert "layers.1.mid_norm" in shown
    assert f"{comparison.same_label} of 3" in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "relu"}, "the feed-forward layers must have hidden_act 'gelu', not 'relu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type 'absolute', not 'relative_key'"),
        ({"is_decoder": True}, "the attention must have is_decoder False, not True: there is no causal mask"),
        ({"model_type": "roberta"}, "the model must have model_type 'bert', not 'roberta': only BERT is supported"),
        ({"num_attention_heads": 5}, "hidden_size divisible by its 5 heads, not 32"),
        ({"hidden_size": 8192, "num_attention_heads": 8}, "hidden_size of at most 4096, not 8192"),
    ],
)
def test_unsupported_models_are_refused(folder: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=re.escape(message)):
        load_bert(tmp_path)


def test_model_without_classifier_is_refused(folder: Path, tmp_path: Path) -> None:
    BertModel.from_pretrained(folder).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"the model must be fine-tuned: it has no classifier.bias"):
        load_bert(tmp_path)


def test_weights_that_are_not_finite_are_refused(folder: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(folder)
    model.bert.encoder.layer[1].attention.self.key.weight.data[0, 0] = float("nan")
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"layer.1.attention.self.key.weight must be finite everywhere"):
        load_bert(tmp_path)


def test_missing_folder_is_an_os_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OSError, match="nowhere"):
        load_bert(tmp_path / "nowhere")


def test_calibration_texts_are_needed(folder: Path) -> None:
    with pytest.raises(ValueError, match="there must be at least one calibration text"):
        quantize_bert(load_bert(folder), [])


def test_layer_that_does_not_fit_is_named(folder: Path, texts: list[list[int]]) -> None:
    bert = load_bert(folder)
    norm = dataclasses.replace(bert.layers[1].mid_norm, beta=np.full(32, 1e30, np.float32))
    layers = (bert.layers[0], dataclasses.replace(bert.layers[1], mid_norm=norm))
    with pytest.raises(ValueError, match=r"layer 1 cannot be quantized: .+"), np.errstate(all="ignore"):
        quantize_bert(dataclasses.replace(bert, layers=layers), texts[:3])
