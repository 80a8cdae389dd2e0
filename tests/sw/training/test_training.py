"""The route to the default model, on a tiny model and a few reviews."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

import torch
from transformers import BertForSequenceClassification

from sw.checkpoint import Checkpoint
from sw.training.__main__ import main
from sw.training.evaluate import Evaluation
from sw.training.lora import add_adapters, load_adapter, merge_adapters, save_adapter
from sw.training.model_card import model_card
from sw.training.reviews import Review, load_reviews
from tests.sw.quantizer.tiny_bert import tiny_bert

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "story", "the")


def write_reviews(path: Path, count: int, seed: int) -> None:
    """Reviews that one word decides."""
    rng = np.random.default_rng(seed)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for i in range(count):
            words = rng.choice(["the", "film", "story"], rng.integers(2, 20)).tolist()
            file.write(json.dumps({"label": i % 2, "text": " ".join([*words, ("bad", "good")[i % 2]])}) + "\n")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny model with a tokenizer, longer than what training cuts texts to."""
    folder = tiny_bert(tmp_path / "base", vocab_size=len(WORDS), max_position_embeddings=256)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    return folder


def test_all_steps(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_reviews(tmp_path / "imdb_train.jsonl.gz", 60, 0)
    write_reviews(tmp_path / "imdb_dev.jsonl.gz", 2010, 1)
    model, merged = tmp_path / "model", tmp_path / "merged"
    options = {"--data": tmp_path, "--base": base, "--merged": merged, "--model": model, "--limit": 48}
    monkeypatch.setattr(sys, "argv", ["training", *(str(word) for pair in options.items() for word in pair)])
    main()
    assert Checkpoint.load(model / "checkpoint.safetensors").labels == ("negative", "positive")
    assert json.loads((model / "config.json").read_text())["labels"] == ["negative", "positive"]
    results = json.loads((model / "evaluation.json").read_text())
    assert [(e["start"], e["reviews"]) for e in results["evaluations"]] == [(0, 48), (0, 48), (2000, 10)]
    assert results["evaluations"][0]["same_label"] >= 46
    assert "| 2,000 to 2,010 | 256 | `head_tail` |" in (model / "README.md").read_text()


def test_merged_adapter_does_the_same(base: Path, tmp_path: Path) -> None:
    ids = torch.tensor([[2, 5, 7, 3]])
    model = BertForSequenceClassification.from_pretrained(base).eval()
    with torch.no_grad():
        plain = model(ids).logits
        add_adapters(model)
        assert torch.equal(model(ids).logits, plain)
        for name, parameter in model.named_parameters():
            if name.endswith("lora_B"):
                parameter.normal_(0, 0.02)
        save_adapter(model, tmp_path / "adapter")
        adapted = model(ids).logits
        assert not torch.allclose(adapted, plain, atol=1e-2)

        other = BertForSequenceClassification.from_pretrained(base).eval()
        add_adapters(other)
        load_adapter(other, tmp_path / "adapter")
        merge_adapters(other)
        assert not any("lora" in name for name, _ in other.named_parameters())
        torch.testing.assert_close(other(ids).logits, adapted, atol=1e-2, rtol=0)


def test_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(base)
    add_adapters(model)
    save_adapter(model, tmp_path / "adapter")
    wider = BertForSequenceClassification.from_pretrained(tiny_bert(tmp_path / "wider", intermediate_size=96))
    add_adapters(wider)
    with pytest.raises(ValueError, match=r"must have the shape \(96, 16\), not \(64, 16\)"):
        load_adapter(wider, tmp_path / "adapter")
    deeper = BertForSequenceClassification.from_pretrained(tiny_bert(tmp_path / "deeper", num_hidden_layers=3))
    add_adapters(deeper)
    with pytest.raises(ValueError, match=r"must have the tensor bert.encoder.layer.2.+"):
        load_adapter(deeper, tmp_path / "adapter")
    flatter = BertForSequenceClassification.from_pretrained(tiny_bert(tmp_path / "flatter", num_hidden_layers=1))
    add_adapters(flatter)
    with pytest.raises(ValueError, match=r"has a tensor without a place: bert.encoder.layer.1.+"):
        load_adapter(flatter, tmp_path / "adapter")


def test_reviews_are_read_from_a_line_on(tmp_path: Path) -> None:
    write_reviews(tmp_path / "reviews.gz", 10, 0)
    everything = load_reviews(tmp_path / "reviews.gz")
    assert len(everything) == 10
    assert everything[1].label == 1
    assert load_reviews(tmp_path / "reviews.gz", 3, 4) == everything[4:7]


def test_lines_that_are_no_reviews_are_named(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "reviews.gz", "wt") as file:
        file.write('{"label": 0, "text": "x"}\n{"label": 0}\n')
    with pytest.raises(ValueError, match=r"reviews.gz, line 2, must be a review with text and label"):
        load_reviews(tmp_path / "reviews.gz")
    assert load_reviews(tmp_path / "reviews.gz", 1) == [Review(text="x", label=0)]


def test_data_folder_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYSTOLM_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["training", "train", "--base", "nowhere"])
    with pytest.raises(SystemExit, match="name the folder of the reviews with --data or SYSTOLM_DATA"):
        main()


def test_card_shows_what_was_counted() -> None:
    evaluation = Evaluation(
        start=0,
        reviews=200,
        max_length=256,
        truncation="head_tail",
        truncated=80,
        float_correct=186,
        integer_correct=185,
        same_label=199,
        mean_logit_difference=0.03,
    )
    card = model_card([evaluation], "some command")
    assert "| 0 to 200 | 256 | `head_tail` | 93.00% | 92.50% | 99.50% | 0.0300 |" in card
    assert "`some command`" in card
