"""A checkpoint survives the disk, and a bad file is refused in one clear line."""

import dataclasses
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from sw.network.checkpoint import FORMAT, Checkpoint
from sw.network.linear import Sums, Table
from sw.network.random_checkpoint import random_checkpoint
from sw.network.select import Select
from tests.sw.network.nodes import with_node, with_nodes


def assert_equal(a: Any, b: Any) -> None:
    """Same classes, types, shapes and values, all the way down."""
    assert type(a) is type(b)
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_equal(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal(x, y)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


@pytest.mark.parametrize("slots", [0, 3])
def test_load_gives_what_was_saved(tmp_path: Path, slots: int) -> None:
    made = random_checkpoint(1, layers=2, labels=3, slots=slots)
    made.save(tmp_path / "model.safetensors")
    assert_equal(Checkpoint.load(tmp_path / "model.safetensors"), made)


def test_save_replaces_the_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    random_checkpoint(1).save(path)
    second = random_checkpoint(2)
    second.save(path)
    assert_equal(Checkpoint.load(path), second)
    assert list(tmp_path.iterdir()) == [path]


def test_same_checkpoint_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        random_checkpoint(1).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_integers_are_stored_narrow(tmp_path: Path) -> None:
    random_checkpoint(1).save(tmp_path / "model")
    tensors = load((tmp_path / "model").read_bytes())
    assert tensors["embed.word"].dtype == np.int8
    assert tensors["layers.0.ffn1.then.slots.channel"].dtype == np.int8
    assert tensors["layers.0.output.mul"].dtype == np.int32
    assert "layers.0.output.shift" not in tensors


def test_metadata_is_kept(tmp_path: Path) -> None:
    made = dataclasses.replace(random_checkpoint(1), metadata={"license": "Apache-2.0", "note": "größer"})
    made.save(tmp_path / "model")
    assert Checkpoint.load(tmp_path / "model").metadata == made.metadata


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(tmp_path / "model")


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model is not a SystoLM checkpoint: .+") as caught:
        Checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(save({"weight": np.zeros(3, np.int8)}))
    with pytest.raises(ValueError, match="its header must have the entry 'systolm-checkpoint-2'"):
        Checkpoint.load(tmp_path / "model")


def test_the_older_format_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(save({"heads": np.array(2)}, {"systolm-checkpoint-1": "{}"}))
    with pytest.raises(
        ValueError, match=r"it is of the older format 'systolm-checkpoint-1'; quantize the model again$"
    ):
        Checkpoint.load(tmp_path / "model")


def header_of(path: Path) -> dict[str, Any]:
    """What the header of a saved checkpoint says."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][FORMAT])
    return header


def refused(path: Path, tensors: dict[str, Any], header: str, message: str) -> None:
    """A file of these is refused in one line with the message."""
    path.write_bytes(save(tensors, {FORMAT: header}))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path} is not a SystoLM checkpoint: ')}") as caught:
        Checkpoint.load(path)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("change", "drop", "message"),
    [
        ({}, ("layers.0.attention.key.mul",), "there must be a tensor 'layers.0.attention.key.mul'"),
        ({"odd": np.zeros(1)}, (), "there is no place for the tensor 'odd'"),
        ({"classifier.then.scale": np.zeros(3, np.float32)}, (), "classifier.then.scale must have the shape (2,), not"),
        (
            {"layers.1.attention.key.mul": np.zeros(15, np.int32)},
            (),
            "layers.1.attention.key.mul must have the shape (16,), not (15,)",
        ),
        (
            {"layers.1.attention.key.mul": np.full(16, 1 << 17, np.int32)},
            (),
            "layers.1.attention.key.mul must be from -131072 to 131071, not 131072 to 131072",
        ),
        (
            {"layers.1.attention.score_shift": np.array([0, 32], np.int8)},
            (),
            "layers.1.attention.score_shift must be from 0 to 31, not 0 to 32",
        ),
        (
            {"pooler_norm.slot_channel": np.array([0, 16, 0], np.int8)},
            (),
            "pooler_norm.slot_channel must be from 0 to 15, not 0 to 16",
        ),
        (
            {"layers.0.ffn1.then.slots.channel": np.array([0, 0, 32], np.int8)},
            (),
            "layers.0.ffn1.then.slots.channel must be from 0 to 31, not 0 to 32",
        ),
        ({}, ("layers.0.output.then.mul",), "there must be a tensor 'layers.0.output.then.mul'"),
        (
            {"layers.0.output.then.mul": np.zeros(8, np.int32)},
            (),
            "layers.0.output.then.mul must have the shape (16,), not (8,)",
        ),
        ({"pooler.weight": np.zeros((16, 19), np.float32)}, (), "pooler.weight must hold int8, not float32"),
        ({"pooler.weight": np.zeros((16, 19), np.int16)}, (), "pooler.weight must hold int8, not int16"),
        ({"pooler.bias": np.zeros(16, np.bool_)}, (), "pooler.bias must hold int32, not bool"),
        ({"pooler.then.table": np.zeros(2048, np.int8)}, (), "pooler.then.table must hold uint8, not int8"),
        ({"pooler.then.table": np.zeros(2047, np.uint8)}, (), "pooler.then.table must have the shape (2048,), not"),
        (
            {"classifier.then.scale": np.array([np.nan, 1], np.float32)},
            (),
            "classifier.then.scale must be finite everywhere",
        ),
        (
            {"classifier.then.scale": np.array([np.inf, 1], np.float32)},
            (),
            "classifier.then.scale must be finite everywhere",
        ),
        ({"embed.word_scale": np.full(64, np.nan, np.float32)}, (), "embed.word_scale must be finite everywhere"),
        ({"embed.position": np.full((32, 16), -np.inf, np.float32)}, (), "embed.position must be finite everywhere"),
        ({"embed.word_scale": np.full(64, 1e38, np.float32)}, (), "word_scale must be from -16777216 to 16777216"),
        ({"embed.position": np.zeros(16, np.float32)}, (), "embed.position must have two dimensions, not 1"),
        ({"embed.position": np.zeros((0, 16), np.float32)}, (), "embed.position must not be empty"),
        ({"embed.word": np.zeros((64, 0), np.int8)}, (), "embed.word must have two dimensions, not be (64, 0)"),
        ({"embed.word": np.zeros(64, np.int8)}, (), "embed.word must have two dimensions, not be (64,)"),
        ({"embed.word": np.array(1, np.int8)}, (), "embed.word must have two dimensions, not be ()"),
        ({"layers.0.ffn1.bias": np.zeros(0, np.int8)}, (), "layers.0.ffn1.bias must not be empty"),
        ({"layers.0.ffn1.bias": np.zeros((4, 8), np.int8)}, (), "layers.0.ffn1.bias must have the shape (32,), not"),
        ({"layers.0.attention.query.bias": np.zeros(0, np.int8)}, (), "attention.query.bias must not be empty"),
        (
            {"layers.0.attention.key.bias": np.zeros(0, np.int8)},
            (),
            "layers.0.attention.key.bias must have the shape (16,), not (0,)",
        ),
        (
            {"layers.0.input_norm.slot_channel": np.zeros((1, 3), np.int8)},
            (),
            "layers.0.input_norm.slot_channel must have the shape (3,), not (1, 3)",
        ),
    ],
)
def test_wrong_tensors_are_refused(tmp_path: Path, change: dict[str, Any], drop: tuple[str, ...], message: str) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    tensors = load(path.read_bytes()) | change
    refused(path, {k: v for k, v in tensors.items() if k not in drop}, json.dumps(header_of(path)), message)


Entry = dict[str, Any]


def node_in(header: Entry, name: str) -> Entry:
    """The entry of an operator."""
    node: Entry = next(node for node in header["nodes"] if node["name"] == name)
    return node


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("pooler", {"shift": None}, "pooler.shift must be of the type int, not None"),
        ("pooler", {"shift": 32}, "pooler.shift must be from 0 to 31, not 32 to 32"),
        ("pooler", {"shift": -1}, "pooler.shift must be from 0 to 31, not -1 to -1"),
        ("pooler", {"shift": 1 << 64}, "pooler.shift must be from 0 to 31, not 18446744073709551616 to"),
        ("pooler", {"shift": 10**400}, "pooler.shift must be from 0 to 31, not 1000000"),
        ("pooler", {"shift": 2.0}, "pooler.shift must be of the type int, not 2.0"),
        ("pooler", {"shift": math.nan}, "pooler.shift must be of the type int, not nan"),
        ("pooler", {"shift": True}, "pooler.shift must be of the type int, not True"),
        ("pooler", {"shift": "7"}, "pooler.shift must be of the type int, not '7'"),
        ("pooler", {"shift": [7]}, "pooler.shift must be of the type int, not [7]"),
        ("pooler", {"weight": [[1]]}, "pooler.weight must be a tensor, not [[1]]"),
        ("pooler", {"odd": 1}, "pooler must have no 'odd'"),
        ("pooler", {"name": 5}, "a node must be an object with a name, not {"),
        ("pooler", {"name": None}, "a node must be an object with a name, not {"),
        ("pooler", {"name": "other"}, "there must be a tensor 'other.weight'"),
        ("first", {"name": " "}, "the name of a node must be printable, not ' '"),
        ("first", {"name": ""}, "the name of a node must be printable, not ''"),
        ("first", {"name": "a\nb"}, r"the name of a node must be printable, not 'a\nb'"),
        ("first", {"name": "\ud800"}, r"the name of a node must be printable, not '\ud800'"),
        ("first", {"name": "pooler"}, "the nodes of a network must have different names, not 'pooler' twice"),
        ("first", {"row": -1}, "first.row must be 0, the one that the shortest text has, not -1"),
        ("first", {"row": 1}, "first.row must be 0, the one that the shortest text has, not 1"),
        ("first", {"row": 10**400}, "first.row must be 0, the one that the shortest text has, not 1000000"),
        ("first", {"row": False}, "first.row must be of the type int, not False"),
        ("first", {"op": "Odd"}, "op is one of Attention, Embed, Linear, Norm, Pool, Select, not 'Odd'"),
        ("first", {"op": None}, "op is one of Attention, Embed, Linear, Norm, Pool, Select, not None"),
        ("first", {"op": []}, "op is one of Attention, Embed, Linear, Norm, Pool, Select, not []"),
        ("first", {"op": "Codes"}, "op is one of Attention, Embed, Linear, Norm, Pool, Select, not 'Codes'"),
        ("first", {"op": "Norm"}, "first must have no 'row'"),
        (
            "classifier",
            {"then": None},
            "classifier.then must be an object whose op is one of Codes, Residual, Rows, Sums, T",
        ),
        ("classifier", {"then": "Sums"}, "an object whose op is one of Codes, Residual, Rows, Sums, Table, not 'Sums'"),
        (
            "classifier",
            {"then": [{"op": "Sums"}]},
            "op is one of Codes, Residual, Rows, Sums, Table, not [{'op': 'Sums'}]",
        ),
        ("classifier", {"then": {"op": {}}}, "op is one of Codes, Residual, Rows, Sums, Table, not {}"),
        ("classifier", {"then": {"op": "Slots"}}, "op is one of Codes, Residual, Rows, Sums, Table, not 'Slots'"),
        ("classifier", {"then": {"op": "Codes"}}, "there is no place for the tensor 'classifier.then.scale'"),
        ("classifier", {"then": {"op": "Sums", "x": 1}}, "classifier.then must have no 'x'"),
        ("pooler", {"then": {"op": "Table"}}, "pooler.then.unsigned must be of the type bool, not None"),
        ("pooler", {"then": {"op": "Table", "unsigned": 1}}, "pooler.then.unsigned must be of the type bool, not 1"),
        (
            "pooler",
            {"then": {"op": "Table", "unsigned": False, "slots": None}},
            "pooler.then.slots must be an object whose op is one of Slots, not None",
        ),
        (
            "pooler",
            {"then": {"op": "Table", "unsigned": False, "slots": {"op": "Slots"}}},
            "there must be a tensor 'pooler.then.slots.channel'",
        ),
        ("layers.0.attention", {"heads": 3}, "layers.0.attention.heads must divide the 16 values of a query, not be 3"),
        ("layers.0.attention", {"heads": 0}, "heads must divide the 16 values of a query, not be 0"),
        ("layers.0.attention", {"heads": -2}, "heads must divide the 16 values of a query, not be -2"),
        ("layers.0.attention", {"heads": 10**400}, "heads must divide the 16 values of a query, not be 1000000"),
        ("layers.0.attention", {"heads": True}, "layers.0.attention.heads must be of the type int, not True"),
        ("layers.0.attention", {"query": 5}, "attention.query must be an object whose op is one of Linear, not 5"),
        (
            "layers.0.attention",
            {"query": {"op": "Norm"}},
            "query must be an object whose op is one of Linear, not 'Norm",
        ),
    ],
)
def test_wrong_attributes_are_refused(tmp_path: Path, name: str, change: Entry, message: str) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    header = header_of(path)
    node = node_in(header, name)
    node |= change
    for key in [key for key, value in change.items() if value is None]:
        del node[key]
    refused(path, load(path.read_bytes()), json.dumps(header), message)


def test_tables_of_signed_codes_have_slots_of_signed_codes(tmp_path: Path) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    header = header_of(path)
    table = node_in(header, "layers.0.ffn1")["then"]
    table["slots"]["high"] = 256
    refused(path, load(path.read_bytes()), json.dumps(header), "then.slots.high must be from 0 to 255, not 256 to 256")
    random_checkpoint(1).save(path)
    table |= {"unsigned": False}
    table["slots"]["high"] = 128
    refused(path, load(path.read_bytes()), json.dumps(header), "then.slots.high must be from 0 to 127, not 128 to 128")


def test_a_part_of_attention_must_give_codes(tmp_path: Path) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    header, tensors = header_of(path), load(path.read_bytes())
    node_in(header, "layers.0.attention")["value"]["then"] = {"op": "Residual", "shift": 0}
    tensors["layers.0.attention.value.then.mul"] = np.zeros(16, np.int8)
    refused(path, tensors, json.dumps(header), "layers.0.attention.value.then must be Codes, not Residual")


def tables_of(nodes: list[Any]) -> list[Any]:
    """The same, but the classifier looks its results up."""
    table = Table(table=np.zeros(2048, np.uint8), unsigned=True)
    return [*nodes[:-1], dataclasses.replace(nodes[-1], then=table)]


def swapped(nodes: list[Any], a: int, b: int) -> list[Any]:
    """The same with two in each other's place."""
    nodes[a], nodes[b] = nodes[b], nodes[a]
    return nodes


def named(nodes: list[Any], at: int, name: str) -> list[Any]:
    """The same with another name."""
    return [*nodes[:at], dataclasses.replace(nodes[at], name=name), *nodes[at + 1 :]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [], "a network must have one Embed, as its first node"),
        (lambda nodes: nodes[1:], "a network must have one Embed, as its first node"),
        (lambda nodes: swapped(nodes, 0, 1), "a network must have one Embed, as its first node"),
        (
            lambda nodes: [*nodes[:3], dataclasses.replace(nodes[0], name="again"), *nodes[3:]],
            "a network must have one Embed, as its first node",
        ),
        (lambda nodes: nodes[:-1], "a network must have one Linear to Sums, as its last node, not pooler"),
        (tables_of, "a network must have one Linear to Sums, as its last node, not classifier"),
        (lambda nodes: swapped(nodes, -1, -2), "a network must have one Linear to Sums, as its last node, not pooler"),
        (
            lambda nodes: [*nodes, dataclasses.replace(nodes[-1], name="again")],
            "a network must have one Linear to Sums, as its last node, not again",
        ),
        (lambda nodes: [*nodes, nodes[-1]], "the nodes of a network must have different names, not 'classifier' twice"),
        (
            lambda nodes: named(named(nodes, 2, "a"), 3, "a.query"),
            "the nodes of a network must have different names, not 'a.query.weight' twice",
        ),
        (lambda nodes: named(nodes, 2, "a\tb"), r"the name of a node must be printable, not 'a\tb'"),
        (
            lambda nodes: [node for node in nodes if node.name != "first"],
            "a network must have one Select, behind its last Attention",
        ),
        (
            lambda nodes: [*nodes[:2], Select(name="early", row=0), *nodes[2:]],
            "a network must have one Select, behind its last Attention",
        ),
        (
            lambda nodes: [*nodes[:-1], Select(name="second", row=0), nodes[-1]],
            "a network must have one Select, behind its last Attention",
        ),
        (
            lambda nodes: [nodes[0], Select(name="s", row=0), *(n for n in nodes[1:] if n.name != "first")],
            "a network must have one Select, behind its last Attention",
        ),
        (lambda nodes: [nodes[0], *nodes[2:]], "layers.0.attention must stand behind codes, such as those of a Norm"),
        (
            lambda nodes: [nodes[0], *nodes[3:]],
            "layers.0.output must stand behind codes, such as those of a Norm",
        ),
        (
            lambda nodes: [n for n in nodes if n.name != "pooler_norm"],
            "pooler must stand behind codes, such as those of a Norm",
        ),
        (
            lambda nodes: [n for n in nodes if n.name != "layers.0.mid_norm"],
            "layers.0.ffn1 must stand behind codes, such as those of a Norm",
        ),
    ],
)
def test_wrong_orders_are_refused(tmp_path: Path, change: Callable[[list[Any]], list[Any]], message: str) -> None:
    made = with_nodes(random_checkpoint(1, slots=0), change)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        made.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["yes"]}, "two labels or more; num_labels=1 (yes) is not supported"),
        ({"labels": ["yes", "yes"]}, "labels must differ from each other, not be yes, yes"),
        ({"labels": ["yes", 5]}, "labels must be names, not ['yes', 5]"),
        ({"labels": ["yes", []]}, "labels must be names, not ['yes', []]"),
        ({"labels": ["yes", " "]}, "labels must be names, not ['yes', ' ']"),
        ({"labels": ["a", "b", "c"]}, "classifier must have a result for each of 3 labels"),
        ({"labels": []}, "a model for single_label_classification must have its labels"),
        ({"labels": "no"}, "its header must have lists of nodes and of labels"),
        ({"labels": None}, "its header must be an object with nodes, labels and metadata"),
        ({"nodes": None}, "its header must be an object with nodes, labels and metadata"),
        ({"nodes": {}}, "its header must have lists of nodes and of labels"),
        ({"nodes": "first"}, "its header must have lists of nodes and of labels"),
        ({"nodes": ["first"]}, "a node must be an object with a name, not 'first'"),
        ({"nodes": [[]]}, "a node must be an object with a name, not []"),
        ({"nodes": [{}]}, "a node must be an object with a name, not {}"),
        ({"nodes": [{"name": ["a"]}] * 2}, "a node must be an object with a name, not {'name': ['a']}"),
        ({"metadata": {"a": 5}}, "metadata must be texts by name, not {'a': 5}"),
        ({"metadata": []}, "metadata must be texts by name, not []"),
        (
            {"problem_type": "multi_label_classification"},
            "its header must be an object with nodes, labels and metadata alone, not 'problem_type'",
        ),
    ],
)
def test_wrong_headers_are_refused(tmp_path: Path, change: Entry, message: str) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    header = {name: value for name, value in (header_of(path) | change).items() if value is not None}
    refused(path, load(path.read_bytes()), json.dumps(header), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "its header must be an object with nodes, labels and metadata"),
        ("", "Expecting value"),
        ("1" * 5000, "Exceeds the limit"),
        pytest.param('{"a":' * 50_000, "it is nested too deeply", id="deep"),
    ],
)
def test_headers_that_are_no_object_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    refused(path, load(path.read_bytes()), text, message)


def test_save_refuses_what_does_not_fit(tmp_path: Path) -> None:
    made = random_checkpoint(1)
    scale = Sums(scale=made.logit_scale[:1])
    with pytest.raises(ValueError, match=r"classifier.then.scale must have the shape \(2,\), not \(1,\)"):
        with_node(made, "classifier", then=scale).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
