"""Low-rank adapters: each linear layer of the encoder learns ``scale * B . A`` beside its frozen weight."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from files.loading import loading

__all__ = ["ALPHA", "RANK", "LoraLinear", "add_adapters", "load_adapter", "merge_adapters", "save_adapter"]

RANK = 16
ALPHA = 32
FILE = "adapter_model.safetensors"
PREFIX = "base_model.model."
WHOLE = ("bert.pooler.dense", "classifier")
"""Layers that are trained and stored as they are."""


class LoraLinear(nn.Module):
    """A frozen linear layer with a trained low-rank correction that starts at zero.

    Parameters
    ----------
    base : nn.Linear
    """

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_A = nn.Parameter(torch.empty(RANK, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, RANK))
        nn.init.kaiming_uniform_(self.lora_A, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to ``x`` [..., K]."""
        return self.base(x) + (x @ self.lora_A.T) @ self.lora_B.T * (ALPHA / RANK)

    def merge(self) -> nn.Linear:
        """Return one linear layer that does the same."""
        with torch.no_grad():
            self.base.weight += (ALPHA / RANK) * self.lora_B @ self.lora_A
        return self.base


def add_adapters(model: Any) -> None:
    """Freeze a ``BertForSequenceClassification`` but for pooler and classifier, and adapt its encoder."""
    model.requires_grad_(False)
    for name in WHOLE:
        model.get_submodule(name).requires_grad_(True)
    for name, layer in list(_encoder_linears(model)):
        _replace(model, name, LoraLinear(layer))


def merge_adapters(model: Any) -> None:
    """Make plain linear layers of all adapters."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLinear):
            _replace(model, name, module.merge())


def save_adapter(model: Any, folder: Path) -> None:
    """Write the trained tensors in half precision, named as the PEFT library names them."""
    tensors = {}
    for name, module in model.named_modules():
        if isinstance(module, LoraLinear):
            tensors[f"{PREFIX}{name}.lora_A.weight"] = module.lora_A
            tensors[f"{PREFIX}{name}.lora_B.weight"] = module.lora_B
        elif name in WHOLE:
            tensors |= {f"{PREFIX}{name}.{part}": getattr(module, part) for part in ("weight", "bias")}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().half().contiguous() for name, tensor in tensors.items()}, folder / FILE)


def load_adapter(model: Any, folder: Path) -> None:
    """Copy what :func:`save_adapter` wrote into a model with adapters.

    Raises
    ------
    OSError
        If there is no adapter.
    ValueError
        If it is no adapter, or a tensor is missing, left over or of another shape.
    """
    with loading(folder / FILE, "an adapter"):
        tensors = {name.removeprefix(PREFIX): tensor.float() for name, tensor in load_file(folder / FILE).items()}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        stored = f"{name}.weight" if name.endswith(("lora_A", "lora_B")) else name
        if stored not in tensors:
            raise ValueError(f"{folder / FILE} must have the tensor {stored}")
        if tensors[stored].shape != parameter.shape:
            shapes = f"{tuple(parameter.shape)}, not {tuple(tensors[stored].shape)}"
            raise ValueError(f"{stored} in {folder / FILE} must have the shape {shapes}")
        parameter.data.copy_(tensors.pop(stored))
    if tensors:
        raise ValueError(f"{folder / FILE} has a tensor without a place: {min(tensors)}")


def _encoder_linears(model: Any) -> Iterator[tuple[str, nn.Linear]]:
    for name, module in model.named_modules():
        if name.startswith("bert.encoder.") and isinstance(module, nn.Linear):
            yield name, module


def _replace(model: Any, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
