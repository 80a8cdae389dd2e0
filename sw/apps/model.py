"""Quantized models as functions of texts."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.presets import PRESETS
from sw.apps.classify import Classifier
from sw.apps.embed import Embedder
from sw.apps.model_files import load_limits
from sw.apps.model_files import load_model as load_files
from sw.apps.text_runner import TextResult
from sw.families.tokenizer import Text, Truncation

__all__ = ["Model", "load_model"]

_MAX_LENGTH = 128
_TRUNCATION: Truncation = "head_tail"


class Model:
    """A model on a device, called with texts as a Hugging Face pipeline is; made by :func:`load_model`.

    Parameters
    ----------
    runner : Classifier or Embedder

    Attributes
    ----------
    cycles : int or None
        What the texts of the last call took together; None on a backend without a clock, or before a call.
    """

    def __init__(self, runner: Classifier | Embedder) -> None:
        self._runner = runner
        self.cycles: int | None = None

    def __call__(self, texts: Text | Sequence[Text]) -> list[dict[str, Any]]:
        """Classify texts.

        Parameters
        ----------
        texts : str, pair of str, or sequence of these

        Returns
        -------
        list of dict
            For each text, ``label`` and ``score``, its probability; of a model for regression, the number.

        Raises
        ------
        TypeError
            If texts are something else.
        ValueError
            If the model makes vectors, or a text does not fit the accelerator.
        RuntimeError
            If the device errs, or a result is not that of the integer reference.
        """
        runner = self._runner
        if not isinstance(runner, Classifier):
            raise ValueError("the model makes vectors, not labels: use embed")
        made = [runner.answer(text) for text in _listed(texts)]
        self._note(made)
        return [{"label": each.label, "score": max(each.scores)} for each in made]

    def embed(self, texts: Text | Sequence[Text]) -> NDArray[np.float32]:
        """Return the vectors float32 [texts, N] of texts; arguments and errors as those of a call."""
        runner = self._runner
        if not isinstance(runner, Embedder):
            raise ValueError("the model makes labels, not vectors: call it")
        made = [runner.answer(text) for text in _listed(texts)]
        self._note(made)
        return np.stack([each.vector for each in made])

    def _note(self, made: Sequence[TextResult]) -> None:
        known = [each.cycles for each in made if each.cycles is not None]
        self.cycles = sum(known) if known else None
        if not all(each.bit_exact for each in made):
            raise RuntimeError("a result is not that of the integer reference")


def load_model(
    path: str | os.PathLike[str],
    *,
    preset: str = "default",
    config: AcceleratorConfig | None = None,
    backend: str = "model",
    max_length: int | None = None,
    truncation: Truncation | None = None,
    **options: Any,
) -> Model:
    """Load a quantized model onto a device.

    Parameters
    ----------
    path : str or path
        A checkpoint or its folder, as ``python -m sw quantize`` makes it, or the name of a folder in ``models``.
    preset : str
        Name of the accelerator's configuration.
    config : AcceleratorConfig, optional
        A configuration instead.
    backend : str
        ``"model"``, the integer model; ``"rtl"``, the simulated hardware; ``"board"``, with its ``port``.
    max_length : int, optional
        Most tokens of a text; default: what the model says, or 128.
    truncation : {"head", "tail", "head_tail"}, optional
        What stays of a longer text; default: what the model says.
    **options
        Of the device.

    Raises
    ------
    OSError
        If there is no such model.
    ValueError
        If it is damaged or does not fit the accelerator, or an argument is out of its range.
    """
    if config is None:
        if preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {preset!r}")
        config = PRESETS[preset]
    place = Path(path)
    checkpoint, tokenizer = load_files(place)
    limits = load_limits(place)
    kind = Embedder if checkpoint.task == "embedding" else Classifier
    return Model(
        kind(
            checkpoint,
            tokenizer,
            config,
            backend,
            max_length=max_length or min(limits.max_length or _MAX_LENGTH, checkpoint.network.positions),
            truncation=truncation or limits.truncation or _TRUNCATION,
            **options,
        )
    )


def _listed(texts: Text | Sequence[Text]) -> list[Text]:
    """Return one or several texts as a list."""
    listed = [texts] if _is_text(texts) else list(texts)
    for text in listed:
        if not _is_text(text):
            raise TypeError(f"texts must be str or pairs of str, not {type(text).__name__}")
    if not listed:
        raise ValueError("there must be at least one text")
    return listed


def _is_text(value: object) -> TypeGuard[Text]:
    return isinstance(value, str) or (
        isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)
    )
