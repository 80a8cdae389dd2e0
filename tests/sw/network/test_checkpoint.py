"""A checkpoint survives the disk, and a bad file is refused in one clear line."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint


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
    assert tensors["embedding.word"].dtype == np.int8
    assert tensors["layers.0.ffn1_slots.channel"].dtype == np.int8
    assert tensors["layers.0.output.shift"].dtype == np.int8
    assert tensors["layers.0.output.mul"].dtype == np.int32


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
    with pytest.raises(ValueError, match="its header must have the entry 'systolm-checkpoint-1'"):
        Checkpoint.load(tmp_path / "model")


def rewrite(path: Path, change: dict[str, Any], drop: tuple[str, ...] = ()) -> None:
    """Change tensors of a saved checkpoint behind its back."""
    header = {"systolm-checkpoint-1": '{"labels": ["no", "yes"], "metadata": {}}'}
    tensors = load(path.read_bytes()) | change
    path.write_bytes(save({k: v for k, v in tensors.items() if k not in drop}, header))


@pytest.mark.parametrize(
    ("change", "drop", "message"),
    [
        ({}, ("layers.0.key.mul",), "'layers.0.key.mul' is missing"),
        ({"odd": np.zeros(1)}, (), "there is no place for the tensor 'odd'"),
        ({"logit_scale": np.zeros(3, np.float32)}, (), r"logit_scale must have the shape (2,), not (3,)"),
        ({"layers.1.key.mul": np.zeros(15, np.int32)}, (), r"layers.1.key.mul must have the shape (16,), not (15,)"),
        (
            {"layers.1.key.mul": np.full(16, 1 << 17, np.int32)},
            (),
            "layers.1.key.mul must be from -131072 to 131071, not 131072 to 131072",
        ),
        ({"pooler.shift": np.array(32)}, (), "pooler.shift must be from 0 to 31, not 32 to 32"),
        (
            {"pooler_norm.slot_channel": np.array([0, 16, 0], np.int8)},
            (),
            "slot_channel must be from 0 to 15, not 0 to 16",
        ),
        (
            {"layers.0.ffn1_slots.channel": np.array([0, 0, 32], np.int8)},
            (),
            "channel must be from 0 to 31, not 0 to 32",
        ),
        ({"layers.0.ffn1_slots.high": np.array(256)}, (), "high must be from 0 to 255, not 256 to 256"),
        ({"heads": np.array(3)}, (), "heads must divide the 16 hidden values, not be 3"),
        ({}, ("layers.0.output.residual_mul",), "layers.0.output.residual_mul must not be missing"),
        ({"pooler.weight": np.zeros((16, 19), np.float32)}, (), "Cannot cast"),
        ({"pooler.shift": np.zeros(2, np.int8)}, (), "can only convert an array of size 1"),
        ({"pooler.shift": np.array(np.inf, np.float32)}, (), "pooler.shift must be an integer, not float32"),
        ({"pooler.shift": np.array(True)}, (), "pooler.shift must be an integer, not bool"),
        ({"logit_scale": np.array([np.nan, 1], np.float32)}, (), "logit_scale must be finite everywhere"),
        ({"logit_scale": np.array([np.inf, 1], np.float32)}, (), "logit_scale must be finite everywhere"),
        (
            {"embedding.word_scale": np.full(64, np.nan, np.float32)},
            (),
            "embedding.word_scale must be finite everywhere",
        ),
        ({"embedding.position": np.full((32, 16), -np.inf, np.float32)}, (), "embedding.position must be finite every"),
        ({"embedding.word_scale": np.full(64, 1e38, np.float32)}, (), "word_scale must be from -16777216 to 16777216"),
        ({"embedding.position": np.zeros(16, np.float32)}, (), "embedding.position must have two dimensions, not 1"),
        ({"embedding.word": np.zeros((64, 0), np.int8)}, (), "must have word embeddings of two dimensions"),
        ({"layers.0.ffn1.bias": np.zeros(0, np.int8)}, (), "layers.0.ffn1.bias must not be empty"),
    ],
)
def test_wrong_tensors_are_refused(tmp_path: Path, change: dict[str, Any], drop: tuple[str, ...], message: str) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    rewrite(path, change, drop)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        Checkpoint.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{"labels": ["yes"], "metadata": {}}', "two labels or more; num_labels=1 (yes) is not supported"),
        ('{"labels": ["yes", "yes"], "metadata": {}}', "labels must differ from each other, not be yes, yes"),
        ('{"labels": ["yes", 5], "metadata": {}}', "labels must be names, not ['yes', 5]"),
        ('{"labels": ["yes", " "], "metadata": {}}', "labels must be names, not ['yes', ' ']"),
        ('{"labels": "no", "metadata": {}}', "its header must be an object with a list of labels"),
        ("[]", "its header must be an object with a list of labels"),
        ('{"metadata": {}}', "'labels' is missing"),
        ('{"labels": ["a", "b"], "metadata": {"a": 5}}', "metadata must be texts by name, not {'a': 5}"),
        ('{"labels": ["a", "b"], "metadata": []}', "metadata must be texts by name, not []"),
        (
            '{"labels": ["a", "b"], "metadata": {}, "problem_type": "multi_label_classification"}',
            "its header must have labels and metadata alone, not 'problem_type'",
        ),
        pytest.param('{"a":' * 50_000, "it is nested too deeply", id="deep"),
    ],
)
def test_wrong_headers_are_refused(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "model"
    random_checkpoint(1).save(path)
    path.write_bytes(save(load(path.read_bytes()), {"systolm-checkpoint-1": entry}))
    with pytest.raises(
        ValueError, match=re.escape(f"{path} is not a SystoLM checkpoint: ") + ".*" + re.escape(message)
    ):
        Checkpoint.load(path)


def test_save_refuses_what_does_not_fit(tmp_path: Path) -> None:
    made = random_checkpoint(1)
    with pytest.raises(ValueError, match=r"logit_scale must have the shape \(2,\), not \(1,\)"):
        dataclasses.replace(made, logit_scale=made.logit_scale[:1]).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
