"""All weights of a model in any of their files, and one line about what is missing, left over or damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")

import torch
from safetensors.torch import save_file

from sw.families.read_weights import read_weights

SHAPES = {"bert.a.LayerNorm.weight": (3,), "bert.b.weight": (2, 3), "classifier.bias": (2,)}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"


def weights() -> dict[str, Any]:
    made = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=made) for name, shape in SHAPES.items()}


def save_whole(folder: Path, tensors: dict[str, Any]) -> None:
    save_file(tensors, folder / "model.safetensors")


def save_pickle(folder: Path, tensors: dict[str, Any]) -> None:
    torch.save(tensors, folder / "pytorch_model.bin")


def save_parts(folder: Path, tensors: dict[str, Any]) -> None:
    parts = {name: f"model-{i}.safetensors" for i, name in enumerate(tensors)}
    for name, part in parts.items():
        save_file({name: tensors[name]}, folder / part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": parts}))


def save_pickled_parts(folder: Path, tensors: dict[str, Any]) -> None:
    parts = {name: f"part-{i}.bin" for i, name in enumerate(tensors)}
    for name, part in parts.items():
        torch.save({name: tensors[name]}, folder / part)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": parts}))


@pytest.mark.parametrize("save", [save_whole, save_pickle, save_parts, save_pickled_parts])
def test_files_of_all_kinds(tmp_path: Path, save: Callable[[Path, dict[str, Any]], None]) -> None:
    tensors = weights()
    save(tmp_path, tensors)
    read = read_weights(tmp_path, SHAPES)
    assert list(read) == list(SHAPES)
    for name, values in read.items():
        np.testing.assert_array_equal(values, tensors[name].numpy())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats(tmp_path: Path, kind: Any) -> None:
    tensors = {name: tensor.to(kind) for name, tensor in weights().items()}
    save_whole(tmp_path, tensors)
    for name, values in read_weights(tmp_path, SHAPES).items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, tensors[name].float().numpy())


def test_first_names_of_norms_and_unused_tensors(tmp_path: Path) -> None:
    tensors = weights()
    tensors["bert.a.LayerNorm.gamma"] = tensors.pop("bert.a.LayerNorm.weight")
    unused = {"bert.embeddings.position_ids": torch.arange(3), "cls.predictions.bias": torch.zeros(3)}
    save_whole(tmp_path, tensors | unused)
    assert list(read_weights(tmp_path, SHAPES, ("cls.",))) == list(SHAPES)
    with pytest.raises(ValueError, match=r"the weights must not have cls.predictions.bias: by config.json there"):
        read_weights(tmp_path, SHAPES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classifier.bias": None}, "the model must be fine-tuned: it has no classifier.bias"),
        ({"bert.b.weight": None}, "the weights must have bert.b.weight, as config.json says"),
        ({"bert.b.weight": torch.zeros(1, 3)}, r"bert.b.weight must have the shape \(2, 3\), as config.json says, not"),
        (
            {"bert.layer.7.weight": torch.zeros(1)},
            "the weights must not have bert.layer.7.weight: by config.json there",
        ),
        ({"classifier.dense.bias": torch.zeros(1)}, "the weights must not have classifier.dense.bias"),
        (
            {"classifier.bias": torch.zeros(2, dtype=torch.int8)},
            "classifier.bias must be floats of 16 bits or more, not",
        ),
        ({"classifier.bias": torch.zeros(2).to(torch.float8_e4m3fn)}, "classifier.bias must be floats .* not float8"),
        ({"classifier.bias": torch.tensor([0, float("inf")])}, "classifier.bias must be finite everywhere"),
        (
            {"classifier.bias": torch.tensor([0, 1e300], dtype=torch.float64)},
            "classifier.bias must be finite everywhere",
        ),
    ],
)
def test_weights_of_another_model_are_refused_by_name(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    save_whole(tmp_path, {name: tensor for name, tensor in (weights() | changes).items() if tensor is not None})
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path, SHAPES)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("content", [b"", b"\x80", b"x" * 5000, POINTER, b"\xff" * 5000, b"half"])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (save_whole if name.endswith("s") else save_pickle)(tmp_path, weights())
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content == b"half" else content)
    with pytest.raises(ValueError, match=name) as caught:
        read_weights(tmp_path, SHAPES)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert ("Git LFS" in str(caught.value)) == (content == POINTER)


def test_parameters_are_weights_and_sparse_tensors_are_not(tmp_path: Path) -> None:
    tensors = {name: torch.nn.Parameter(tensor) for name, tensor in weights().items()}
    save_pickle(tmp_path, tensors)
    assert list(read_weights(tmp_path, SHAPES)) == list(SHAPES)
    save_pickle(tmp_path, tensors | {"classifier.bias": torch.zeros(2).to_sparse()})
    with pytest.raises(
        ValueError, match=r"^(classifier.bias is not an array of floats|.+ is not a whole file)"
    ) as caught:
        read_weights(tmp_path, SHAPES)
    assert "\n" not in str(caught.value)


def test_pickles_of_anything_but_tensors_are_not_run(tmp_path: Path) -> None:
    torch.save({"x": Path("/tmp")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model.bin is not a whole file of weights: Weights only load failed"):
        read_weights(tmp_path, SHAPES)


def test_absent_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "tf_model.h5").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"has no weights in model.safetensors or pytorch_model.bin"):
        read_weights(tmp_path, SHAPES)
    save_parts(tmp_path, weights())
    (tmp_path / "model-1.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-1.safetensors is absent, which model.safetensors.index.json"):
        read_weights(tmp_path, SHAPES)
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": [1]}')
    with pytest.raises(ValueError, match=r"index.json must have a weight_map of tensors and files"):
        read_weights(tmp_path, SHAPES)
