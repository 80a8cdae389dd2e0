"""What a model's results mean."""

from typing import Literal

__all__ = ["Task"]

Task = Literal["single_label_classification", "multi_label_classification", "regression", "embedding"]
"""One label of several, any of them independently, one number (these as transformers call them), or a vector."""
