"""Settings that the device runs are read; all others are refused by name, in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from sw.families.families import FAMILIES
from sw.families.read_config import read_config

LEAST: dict[str, Any] = {"model_type": "bert"}
KINDS = "bert, distilbert, roberta, xlm-roberta, electra"


def written(folder: Path, **entries: Any) -> Path:
    (folder / "config.json").write_text(json.dumps(LEAST | entries))
    return folder


def test_what_is_not_said_is_as_bert_has_it(tmp_path: Path) -> None:
    config = read_config(written(tmp_path))
    assert (config.vocabulary, config.hidden, config.layers, config.heads) == (30522, 768, 12, 12)
    assert (config.ffn, config.positions, config.token_types, config.epsilon) == (3072, 512, 2, 1e-12)
    assert config.labels == ("LABEL_0", "LABEL_1")


@pytest.mark.parametrize(
    "entries",
    [
        {"problem_type": None, "pruned_heads": {}},
        {"problem_type": "single_label_classification", "is_decoder": False},
        {"architectures": None, "pad_token_id": None},
        {"layer_norm_eps": 0},
    ],
)
def test_harmless_settings_are_accepted(tmp_path: Path, entries: dict[str, Any]) -> None:
    read_config(written(tmp_path, **entries))


@pytest.mark.parametrize("kind", FAMILIES)
def test_families_have_the_settings_that_transformers_have(tmp_path: Path, kind: str) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers are not installed")
    usual = transformers.AutoConfig.for_model(kind)
    config = read_config(written(tmp_path, model_type=kind))
    assert (config.vocabulary, config.hidden) == (usual.vocab_size, usual.hidden_size)
    assert (config.layers, config.heads) == (usual.num_hidden_layers, usual.num_attention_heads)
    assert config.ffn == getattr(usual, FAMILIES[kind].setting("intermediate_size"))
    assert config.embedding == getattr(usual, "embedding_size", usual.hidden_size)
    assert config.token_types == getattr(usual, "type_vocab_size", 0)
    assert config.first_position + config.positions == usual.max_position_embeddings
    assert config.first_position == (2 if "roberta" in kind else 0) == (usual.pad_token_id + 1) * ("roberta" in kind)
    assert config.epsilon == getattr(usual, "layer_norm_eps", 1e-12)
    assert config.activation == getattr(usual, FAMILIES[kind].setting("hidden_act"))


def test_settings_of_distilbert_have_names_of_their_own(tmp_path: Path) -> None:
    entries = {"dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 7, "activation": "relu"}
    config = read_config(written(tmp_path, model_type="distilbert", **entries, hidden_size=12))
    assert (config.hidden, config.layers, config.heads, config.ffn, config.activation) == (12, 2, 3, 7, "relu")
    with pytest.raises(ValueError, match=r"the feed-forward layers must have activation gelu, .*, not 'x'"):
        read_config(written(tmp_path, model_type="distilbert", activation="x"))
    with pytest.raises(ValueError, match="n_heads 12 must be the same as num_attention_heads, not 4"):
        read_config(written(tmp_path, model_type="distilbert", num_attention_heads=4))


@pytest.mark.parametrize(
    ("name", "meaning"),
    [("gelu_python", "gelu"), ("gelu_new", "gelu_new"), ("gelu_pytorch_tanh", "gelu_new"), ("swish", "silu")],
)
def test_activations_have_several_names(tmp_path: Path, name: str, meaning: str) -> None:
    assert read_config(written(tmp_path, hidden_act=name)).activation == meaning


@pytest.mark.parametrize(
    ("problem", "count", "task"),
    [
        (None, 1, "regression"),
        ("regression", 1, "regression"),
        (None, 2, "single_label_classification"),
        ("single_label_classification", 3, "single_label_classification"),
        ("multi_label_classification", 1, "multi_label_classification"),
        ("multi_label_classification", 3, "multi_label_classification"),
    ],
)
def test_task_follows_as_in_transformers(tmp_path: Path, problem: str | None, count: int, task: str) -> None:
    assert read_config(written(tmp_path, problem_type=problem, num_labels=count)).task == task


def test_positions_behind_the_padding_are_fewer(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, model_type="roberta", max_position_embeddings=130, pad_token_id=4))
    assert (config.first_position, config.positions) == (5, 125)
    for entries, message in (
        ({"max_position_embeddings": 3}, "max_position_embeddings of at least 4, for"),
        ({"pad_token_id": None}, "the embeddings must have a pad_token_id, behind which positions begin"),
    ):
        with pytest.raises(ValueError, match=message):
            read_config(written(tmp_path, model_type="roberta", **entries))


def test_embeddings_of_electra_have_a_size_of_their_own(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, model_type="electra", embedding_size=20))
    assert (config.embedding, config.hidden) == (20, 256)
    with pytest.raises(ValueError, match="the norms must have a embedding_size of at most 4096, not 5000"):
        read_config(written(tmp_path, model_type="electra", embedding_size=5000))


def test_names_of_labels_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = {"2": "c", "0": "a", "1": "b"}
    config = read_config(written(tmp_path, num_labels=3, id2label=names, label2id={"LABEL_0": 0, "c": 2}))
    assert config.labels == ("a", "b", "c")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"model_type": "albert"}, f"the model must have a model_type of {KINDS}, not 'albert': no other is supported"),
        ({"model_type": None}, f"the model must have a model_type of {KINDS}, not None"),
        ({"model_type": ["bert"]}, f"the model must have a model_type of {KINDS}, not ['bert']"),
        ({"hidden_act": "relu6"}, "the feed-forward layers must have hidden_act gelu, gelu_python, gelu_new, gelu_pyt"),
        ({"hidden_act": ["gelu"]}, "the feed-forward layers must have hidden_act gelu, gelu_python, gelu_new, gelu_py"),
        (
            {"position_embedding_type": "relative_key_query"},
            "the attention must have position_embedding_type 'absolute'",
        ),
        ({"is_decoder": True}, "the attention must have is_decoder False, not True: there is no causal mask"),
        ({"add_cross_attention": True}, "the attention must have add_cross_attention False, not True"),
        ({"pruned_heads": {"0": [1]}}, "the attention must have pruned_heads {}, not {'0': [1]}: all layers have"),
        (
            {"problem_type": "regression"},
            "the classifier must have num_labels 1 for problem_type 'regression', not 2: the answer is one number",
        ),
        (
            {"problem_type": "single_label_classification", "num_labels": 1},
            "the classifier must have num_labels of at least 2, not 1: the answer is the one label with the greatest",
        ),
        (
            {"problem_type": "ranking"},
            "the classifier must have a problem_type of single_label_classification, multi_label_classification, "
            "regression, not 'ranking'",
        ),
        ({"quantization_config": {"bits": 8}}, "the model must have quantization_config {}, not {'bits': 8}"),
        ({"auto_map": {"AutoModel": "x.Y"}}, "the model must have auto_map {}, not {'AutoModel': 'x.Y'}: code of"),
        ({"num_labels": 0}, "num_labels must be a whole number from 1 on, not 0"),
        ({"id2label": {}}, "the classifier must have num_labels of at least 1, not 0"),
        (
            {"num_labels": 3, "id2label": {"0": "x", "1": "y"}},
            "the classifier must have num_labels 2, the names in id2label",
        ),
        ({"id2label": {"1": "x", "2": "y"}}, "id2label must have the numbers 0 to 1, not ['1', '2']"),
        ({"id2label": {"0": "x", "1": "x"}}, "id2label must have different names, not ('x', 'x')"),
        ({"id2label": ["x", "y"]}, "id2label must be an object of numbers and names, not ['x', 'y']"),
        (
            {"id2label": {"0": "x", "1": "y"}, "label2id": {"x": 1, "y": 0}},
            "label2id must have 'x' as 0, as id2label has, not 1",
        ),
        ({"hidden_size": "32"}, "hidden_size must be a whole number from 1 on, not '32'"),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be a whole number from 1 on, not 0"),
        ({"vocab_size": True}, "vocab_size must be a whole number from 1 on, not True"),
        ({"num_attention_heads": 5}, "the attention must have hidden_size divisible by its 5 heads, not 768"),
        (
            {"hidden_size": 8192, "num_attention_heads": 8},
            "the norms must have a hidden_size of at most 4096, not 8192",
        ),
        ({"max_position_embeddings": 1}, "the embeddings must have max_position_embeddings of at least 2"),
        ({"pad_token_id": 30522}, "pad_token_id must be below the vocab_size 30522, not 30522"),
        ({"layer_norm_eps": "1e-12"}, "the norms must have a layer_norm_eps from 0 on, not '1e-12'"),
        ({"layer_norm_eps": -1}, "the norms must have a layer_norm_eps from 0 on, not -1"),
        ({"layer_norm_eps": float("nan")}, "the norms must have a layer_norm_eps from 0 on, not nan"),
    ],
)
def test_variants_are_refused_by_layer_and_setting(tmp_path: Path, entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_config(written(tmp_path, **entries))
    assert str(caught.value).startswith(f"{tmp_path / 'config.json'}: {message}")
    assert "\n" not in str(caught.value)


def test_model_type_is_not_guessed_from_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "my-albert-like"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=f"the model must have a model_type of {KINDS}, but none is given"):
        read_config(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "config.json is not JSON: "),
        (b"{", "config.json is not JSON: "),
        (b"[" * 100_000, "config.json is not JSON: it is nested too deeply"),
        (b"\xff{}", "config.json is not UTF-8: "),
        (b"[]", "config.json must be a JSON object, not list"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "only a pointer of Git LFS"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r".") as caught:
        read_config(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_folder_without_settings_and_adapters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no config.json; it must be the folder of a BertForSequence"):
        read_config(tmp_path)
    (written(tmp_path) / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"has adapter_config.json: adapters must be merged"):
        read_config(tmp_path)
