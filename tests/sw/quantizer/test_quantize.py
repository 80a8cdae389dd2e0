"""A whole model becomes integers that say what the floats say, or a clear error."""

import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterable
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

from sw.apps.compare import compare, compare_networks
from sw.families.load import load_model
from sw.families.real import RealNetwork, RealNode
from sw.families.tokenizer import Tokenizer
from sw.network.checkpoint import Checkpoint
from sw.quantizer import quantize
from sw.quantizer.quantize import quantize_network
from tests.sw.families.tiny_bert import tiny_bert
from tests.sw.network.nodes import node_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def texts() -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [[2, *rng.integers(4, 60, rng.integers(2, 40)).tolist(), 3] for _ in range(60)]


def test_float_model_equals_transformers(folder: Path, texts: list[list[int]]) -> None:
    bert = load_model(folder)
    theirs = BertForSequenceClassification.from_pretrained(folder).eval()
    for ids in texts[:5]:
        with torch.no_grad():
            expected = theirs(torch.tensor([ids])).logits[0].numpy()
        np.testing.assert_allclose(bert.forward(ids), expected, atol=1e-5)


@pytest.mark.parametrize("slots", [0, 4])
def test_integers_follow_the_floats(folder: Path, texts: list[list[int]], slots: int) -> None:
    bert = load_model(folder)
    checkpoint = quantize_network(bert, texts[:40], slots=slots)
    checkpoint.check()
    comparison = compare_networks(bert, checkpoint, texts[40:])
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
    bert = load_model(folder)
    errors = []
    for slots in (0, 8):
        checkpoint = quantize_network(bert, texts[:40], slots=slots)
        errors.append(compare_networks(bert, checkpoint, texts[40:]).relative_error["layers.1.input_norm"])
    assert (node_of(checkpoint, "layers.0.ffn1").then.slots.channel == 7).sum() >= 2
    assert errors[1] < 0.8 * errors[0]


def test_same_input_same_bytes(folder: Path, texts: list[list[int]], tmp_path: Path) -> None:
    for name in ("a", "b"):
        quantize_network(load_model(folder), texts[:10]).save(tmp_path / name)
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
        ({"hidden_act": "mish"}, "silu, swish, tanh, not 'mish': there is no table for others"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type 'absolute', not 'relative_key'"),
        ({"is_decoder": True}, "the attention must have is_decoder False, not True: there is no causal mask"),
        ({"model_type": "albert"}, "xlm-roberta, electra, not 'albert': no other is supported"),
        ({"num_attention_heads": 5}, "hidden_size divisible by its 5 heads, not 32"),
        ({"hidden_size": 8192, "num_attention_heads": 8}, "hidden_size of at most 4096, not 8192"),
    ],
)
def test_unsupported_models_are_refused(folder: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=re.escape(message)):
        load_model(tmp_path)


def test_model_without_classifier_is_refused(folder: Path, tmp_path: Path) -> None:
    BertModel.from_pretrained(folder).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"the model must be fine-tuned: it has no classifier.bias"):
        load_model(tmp_path)


def test_weights_that_are_not_finite_are_refused(folder: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(folder)
    model.bert.encoder.layer[1].attention.self.key.weight.data[0, 0] = float("nan")
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"layer.1.attention.self.key.weight must be finite everywhere"):
        load_model(tmp_path)


def test_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no folder .+nowhere$"):
        load_model(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"file must be a folder with config.json and weights, not a file$"):
        load_model(tmp_path / "file")


def test_pruned_heads_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(folder)
    model.prune_heads({1: [0, 2]})
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"the attention must have pruned_heads {}, not {'1': \[0, 2\]}: all layers"):
        load_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["pruned_heads"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"layer.1.attention.self.query.weight must have the shape \(32, 32\), as"):
        load_model(tmp_path)


def test_layers_that_the_settings_do_not_name_are_refused(folder: Path, tmp_path: Path) -> None:
    BertForSequenceClassification.from_pretrained(folder).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(ValueError, match=r"the weights must not have bert.encoder.layer.1.+: by config.json there"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"id2label": {"0": "a", "1": "b", "2": "c"}}))
    with pytest.raises(ValueError, match=r"classifier.weight must have the shape \(3, 32\), as config.json says, not"):
        load_model(tmp_path)


def test_another_head_is_refused(folder: Path, tmp_path: Path) -> None:
    BertForSequenceClassification.from_pretrained(folder).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"architectures": ["BertForTokenClassification"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"must be a BertForSequenceClassification, not a BertForTokenClassification"):
        load_model(tmp_path)


def test_tokens_without_an_embedding_are_refused(folder: Path) -> None:
    backend = Backend(WordPiece({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 59}, unk_token="[UNK]"))
    load_model(folder, Tokenizer(backend))
    backend.add_tokens(["<new>"])  # the id 60 or less: there is room between
    backend.add_tokens([f"<{i}>" for i in range(60)])
    with pytest.raises(ValueError, match=r"must have a vocab_size of at least \d+, the ids of its tokenizer, not 60"):
        quantize(folder, ["a"], Tokenizer(backend))


MATRICES = (
    *(f"layers.0.attention.{part}" for part in ("query", "key", "value")),
    *(f"layers.0.{name}" for name in ("output", "ffn1", "ffn2")),
    *("pooler", "classifier"),
)


def part_of(nodes: Iterable[Any], name: str) -> Any:
    """Return the operator of a name, or a part of one."""
    found = {node.name: node for node in nodes}
    whole, _, part = name.rpartition(".")
    return found[name] if name in found else getattr(found[whole], part)


def changed(model: RealNetwork, **fields: Any) -> RealNetwork:
    """Return the same with other fields in all operators that have them."""
    nodes = (
        dataclasses.replace(node, **{name: value(getattr(node, name)) for name, value in fields.items()})
        if fields.keys() <= vars(node).keys()
        else node
        for node in model.nodes
    )
    return dataclasses.replace(model, nodes=tuple(nodes))


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize(("rows", "factor", "bias"), [(1, 0, 0.3), (19, 0, 0.0), (64, 0, 0.5), (1, 1e-6, 2.0)])
def test_rows_of_zeros_are_constants(
    folder: Path, texts: list[list[int]], name: str, rows: int, factor: float, bias: float
) -> None:
    bert = load_model(folder)
    linear = part_of(bert.nodes, name)
    linear.weight[:rows] *= np.float32(factor)
    linear.bias[:rows] = bias
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        checkpoint = quantize_network(bert, texts[:40])
        checkpoint.check()
        comparison = compare_networks(bert, checkpoint, texts[30:40])  # within the ranges that have been calibrated
    assert comparison.same_label >= 9
    assert comparison.logit_difference < 0.06
    assert max(comparison.relative_error.values()) < 0.03
    made = part_of(checkpoint.network.nodes, name)
    if factor == 0:
        assert not made.weight[:rows].any()
    if name == "classifier" and factor == 0:
        assert (made.bias * checkpoint.logit_scale)[:rows].tolist() == pytest.approx([bias] * min(rows, 2))


@pytest.mark.parametrize("rows", [1, 2])
def test_few_texts_and_rows_that_are_all_alike_are_no_division_by_zero(
    folder: Path, texts: list[list[int]], rows: int
) -> None:
    bert = load_model(folder)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        quantize_network(bert, texts[:rows]).check()
        bert.embed.word[:] = 0
        bert.embed.position[:] = 0
        checkpoint = quantize_network(bert, texts[:rows])
        assert compare_networks(bert, checkpoint, texts).logit_difference < 0.05
        part_of(bert.nodes, "layers.0.mid_norm").gamma[:] = 0
        quantize_network(bert, texts[:20]).check()


def test_epsilon_that_is_not_small_is_said_with_layer_and_setting(tmp_path: Path, texts: list[list[int]]) -> None:
    bert = load_model(tiny_bert(tmp_path / "model", layer_norm_eps=1e-5))
    bert = changed(bert, word=lambda word: word * np.float32(0.5), position=lambda position: position * np.float32(0.5))
    comparison = compare_networks(bert, quantize_network(bert, texts[:20]), texts[20:40])
    (warning,) = comparison.warnings()
    assert re.match(r"layers.0.input_norm differs by \d+\.\d% because of layer_norm_eps=1e-05, which is not", warning)
    error = comparison.epsilon_error["layers.0.input_norm"]
    assert error == pytest.approx(comparison.relative_error["layers.0.input_norm"], rel=0.1)
    small = changed(bert, epsilon=lambda _: 1e-12)
    assert not list(compare_networks(small, quantize_network(small, texts[:20]), texts[20:40]).warnings())


def test_calibration_texts_are_needed(folder: Path) -> None:
    with pytest.raises(ValueError, match="there must be at least one calibration text"):
        quantize_network(load_model(folder), [])


def test_operator_that_does_not_fit_is_named(folder: Path, texts: list[list[int]]) -> None:
    bert = load_model(folder)
    part_of(bert.nodes, "layers.1.mid_norm").beta[:] = 1e30
    message = r"^layers.1.ffn1 cannot be quantized: layers.1.ffn1 must stay within 1e\+09 on the calibration "
    with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
        quantize_network(bert, texts[:3])


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("layers.0.attention.query", "layers.0.attention.query"),
        ("layers.0.attention.value", "layers.0.attention.value"),
        ("layers.0.output", "layers.0.output"),
        ("pooler", "pooler"),
        ("classifier", "classifier"),
    ],
)
def test_matrix_whose_results_are_too_large_is_named(
    folder: Path, texts: list[list[int]], name: str, step: str
) -> None:
    bert = load_model(folder)
    part_of(bert.nodes, name).bias[:] = 1e30
    node = name.removesuffix(".query").removesuffix(".value")
    with pytest.raises(ValueError, match=f"^{node} cannot be quantized: {step} must stay within 1e") as caught:
        quantize_network(bert, texts[:3])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stays", "message"),
    [
        (
            lambda node: node.name != "layers.0.input_norm",
            "layers.0.attention cannot be quantized: a matrix must stand",
        ),
        (
            lambda node: node.name not in ("pooler", "classifier"),
            "pooler_norm cannot be quantized: a matrix must ",
        ),
    ],
)
def test_model_in_another_order_is_refused_by_name(
    folder: Path, texts: list[list[int]], stays: Callable[[RealNode], bool], message: str
) -> None:
    bert = load_model(folder)
    with pytest.raises(ValueError, match=message):
        quantize_network(dataclasses.replace(bert, nodes=tuple(filter(stays, bert.nodes))), texts[:3])
