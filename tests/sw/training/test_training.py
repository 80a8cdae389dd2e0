"""The route to the default model, on a tiny model and a few reviews."""

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

import torch
from transformers import BertForSequenceClassification

from sw.families.tokenizer import Tokenizer
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from sw.training.cli import main
from sw.training.evaluate import Evaluation, evaluate
from sw.training.lora import add_adapters, load_adapter, merge_adapters, save_adapter
from sw.training.model_card import model_card
from sw.training.reviews import Review, load_reviews
from tests.sw.families.tiny_bert import tiny_bert
from tests.sw.tiny_model import tiny_tokenizer

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


def test_all_steps(base: Path, tmp_path: Path) -> None:
    write_reviews(tmp_path / "imdb_train.jsonl.gz", 60, 0)
    write_reviews(tmp_path / "imdb_dev.jsonl.gz", 2010, 1)
    model, merged = tmp_path / "model", tmp_path / "merged"
    options = {"--data": tmp_path, "--base": base, "--merged": merged, "--model": model, "--limit": 48}
    assert main([str(word) for pair in options.items() for word in pair]) == 0
    assert Checkpoint.load(model / "checkpoint.safetensors").labels == ("negative", "positive")
    assert Tokenizer.load(model / "tokenizer.json").encode("good<br />film", 9).ids == [2, 5, 7, 3]
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


def test_line_breaks_of_reviews_become_spaces(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "reviews.gz", "wt") as file:
        file.write('{"label": 0, "text": "a<br /><br />b"}\n')
    assert load_reviews(tmp_path / "reviews.gz")[0].text == "a  b"


def test_lines_that_are_no_reviews_are_named(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "reviews.gz", "wt") as file:
        file.write('{"label": 0, "text": "x"}\n{"label": 0}\n')
    with pytest.raises(
        ValueError, match=r"reviews.gz is not a file of reviews: line 2 must be a review with text and label"
    ):
        load_reviews(tmp_path / "reviews.gz")
    assert load_reviews(tmp_path / "reviews.gz", 1) == [Review(text="x", label=0)]


def test_data_folder_is_needed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SYSTOLM_DATA", raising=False)
    assert main(["train", "--base", "nowhere"]) == 2
    assert "name the folder of the reviews with --data or SYSTOLM_DATA" in capsys.readouterr().err


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What the command says as it ends with an error."""
    assert main(list(map(str, arguments))) == 2
    said = capsys.readouterr().err.rstrip("\n")
    assert "\n" not in said
    return said


def test_absent_base_is_not_looked_for_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reviews(tmp_path / "imdb_train.jsonl.gz", 4, 0)
    for step in ("train", "merge"):
        message = run(capsys, step, "--data", tmp_path, "--base", "nowhere", "--model", tmp_path / "model")
        assert message == "python -m sw.training: there is no folder nowhere"


def test_folders_of_the_steps_must_differ(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in base.iterdir()}
    (tmp_path / "link").symlink_to(base)
    for options in (("--merged", base), ("--model", tmp_path / "link"), ("--merged", base / ".." / "base")):
        message = run(capsys, "merge", "--base", base, *options)
        assert f"must be different folders, not both {base}" in message
    assert {path: path.read_bytes() for path in base.iterdir()} == before


def test_training_without_torch_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "training needs torch and transformers; install them with: pip" in run(capsys, "merge")


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


def test_a_damaged_evaluation_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in ("[" * 100_000, "{}", '{"command": "", "evaluations": [{"start": 0}]}'):
        (tmp_path / "evaluation.json").write_text(content)
        assert main(["card", "--base", "nowhere", "--model", str(tmp_path)]) == 2
        assert "evaluation.json is not an evaluation: " in capsys.readouterr().err


def test_a_damaged_adapter_is_one_line(base: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"adapter_model.safetensors is not an adapter: "):
        load_adapter(BertForSequenceClassification.from_pretrained(base), tmp_path)


def test_reviews_are_for_a_model_of_their_labels(base: Path) -> None:
    checkpoint = replace(random_checkpoint(0), labels=("positive", "negative"))
    with pytest.raises(
        ValueError, match=r"^the model must have the labels negative, positive, not positive, negative$"
    ):
        evaluate(base, checkpoint, tiny_tokenizer(), [])
