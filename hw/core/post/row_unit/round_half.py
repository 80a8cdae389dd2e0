"""Rounding of a bit."""

from typing import Any

__all__ = ["round_half"]


def round_half(value: Any, bits: int) -> Any:
    """Halve a number of ``bits`` bits, halves up; the top bit of the result is its overflow."""
    return (value[:bits] + 1)[1:]
