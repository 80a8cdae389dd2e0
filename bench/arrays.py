"""The accelerators that are measured."""

from dataclasses import replace

from spec.config import AcceleratorConfig
from spec.presets import PRESETS

__all__ = ["ARRAYS"]

_SQUARE_8 = replace(PRESETS["default"], rows=8, cols=8)

ARRAYS: dict[str, AcceleratorConfig] = {
    "8x8": _SQUARE_8,
    "8x16": replace(_SQUARE_8, cols=16),
    "16x16": PRESETS["default"],
    "32x32": PRESETS["large_32x32"],
}
"""Configurations by shape of the array, alike in everything that a shape does not ask to be larger."""
