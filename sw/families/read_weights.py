"""Read the weights of a Hugging Face folder: all those that a model has, in the shapes that it has, and no others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from files.loading import loading
from sw.families.model_folder import read_object, refuse_pointer

__all__ = ["read_weights"]

Shape = tuple[int, ...]

NAMES = ("model.safetensors", "pytorch_model.bin")
"""Files of weights; the first that is there counts, as a whole or in parts that an index names."""

FLOATS = ("float16", "bfloat16", "float32", "float64")

LEGACY = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))
"""Names that the first BERTs have."""

UNUSED = ("embeddings.position_ids", "embeddings.token_type_ids")
"""How names end of tables that follow from a model's shape."""


def read_weights(
    folder: Path, shapes: Mapping[str, Shape], unused: tuple[str, ...] = ()
) -> dict[str, NDArray[np.float32]]:
    """Return the weights named in ``shapes``.

    Parameters
    ----------
    folder : Path
    shapes : mapping of str to tuple
        By name.
    unused : tuple of str
        How names begin of others that may be there, such as heads of pretraining.

    Raises
    ------
    OSError
        If there are none in the folder.
    ValueError
        If a file is damaged, or its weights are not those of ``shapes`` in finite floats.
    """
    tensors: dict[str, Any] = {}
    for path in _files(folder):
        tensors |= _read(path)
    for old, new in LEGACY:
        tensors = {name.replace(old, new): tensor for name, tensor in tensors.items()}
    _compare({name: tuple(tensor.shape) for name, tensor in tensors.items()}, shapes, unused)
    return {name: _values(name, tensors.pop(name)) for name in shapes}


def _files(folder: Path) -> list[Path]:
    for name in NAMES:
        whole, index = folder / name, folder / f"{name}.index.json"
        if whole.exists():
            return [whole]
        if index.exists():
            return _parts(index)
    raise FileNotFoundError(f"{folder} has no weights in {' or '.join(NAMES)}")


def _parts(index: Path) -> list[Path]:
    parts = read_object(index).get("weight_map")
    if not isinstance(parts, dict) or not all(isinstance(name, str) for name in parts.values()):
        raise ValueError(f"{index} must have a weight_map of tensors and files")
    paths = [index.with_name(Path(name).name) for name in sorted(set(parts.values()))]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is absent, which {index.name} names")
    return paths


def _read(path: Path) -> dict[str, Any]:
    """All tensors of a file by name."""
    import torch  # noqa: PLC0415  # optional and slow; NumPy has no bfloat16
    from safetensors.torch import load_file  # noqa: PLC0415

    refuse_pointer(path)
    with loading(path, "a whole file of weights"):
        safe = path.suffix == ".safetensors"
        content = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
        return {str(name): tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}


def _compare(found: Mapping[str, Shape], shapes: Mapping[str, Shape], unused: tuple[str, ...]) -> None:
    """Raise ValueError if something is missing, left over or of another shape."""
    missing = sorted(shapes.keys() - found.keys())
    if missing:
        heads = [name for name in missing if "classifier" in name.partition(".")[0]]
        if heads:
            raise ValueError(f"the model must be fine-tuned: it has no {heads[0]}")
        raise ValueError(f"the weights must have {missing[0]}, as config.json says")
    for name, shape in shapes.items():
        if found[name] != shape:
            raise ValueError(f"{name} must have the shape {shape}, as config.json says, not {found[name]}")
    left = sorted(n for n in found.keys() - shapes.keys() if not n.startswith(unused) and not n.endswith(UNUSED))
    if left:
        raise ValueError(f"the weights must not have {left[0]}: by config.json there is no place for it")


def _values(name: str, tensor: Any) -> NDArray[np.float32]:
    kind = str(tensor.dtype).removeprefix("torch.")
    if kind not in FLOATS:
        raise ValueError(f"{name} must be floats of 16 bits or more, not {kind}")
    with loading(name, "an array of floats"):
        values: NDArray[np.float32] = tensor.detach().float().numpy()
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite everywhere")
    return values
