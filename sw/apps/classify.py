"""Texts to labels on a device, each answer compared with the integer reference."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.program import Program
from sw.apps.open_device import open_device
from sw.families.tokenizer import Text, Tokenizer, Truncation
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.reference import embed, forward
from sw.network.task import Task

__all__ = ["Classification", "Classifier", "check_length"]

SHORTEST = 2
"""Tokens of an empty text: [CLS] and [SEP]."""


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a device says about one text, and what that took.

    ``scores`` are the probabilities of all labels, one for each alone in multi-label classification, or the number that
    regression gives. ``label`` has the greatest, ``probability`` is its; there is none of a number. ``empty`` if the
    text had no token of its own: then the answer says nothing about it.

    ``logits`` are floats, ``sums`` the device's integers. ``utilization`` is the model's multiply-accumulates over
    those of all processing elements in ``cycles``; both are None without a clock. ``bit_exact``: the device's integers
    are those of the reference and of the integer model, unless they come from that itself.
    """

    label: str
    probability: float | None
    scores: tuple[float, ...] = ()
    logits: tuple[float, ...]
    sums: tuple[int, ...]
    tokens: int
    truncated: bool
    macs: int
    cycles: int | None
    utilization: float | None
    bit_exact: bool
    counters: dict[str, int] = field(default_factory=dict)
    empty: bool = False


class Classifier:
    """A checkpoint on a device; programs are compiled once for each length.

    Parameters
    ----------
    checkpoint : Checkpoint
    tokenizer : Tokenizer
    config : AcceleratorConfig
    backend : str
        Name of a device, as :func:`sw.apps.open_device.open_device` takes it.
    max_length : int
        Most tokens of a text, with [CLS] and [SEP].
    truncation : {"head", "tail", "head_tail"}
        What stays of a longer text.
    **options
        Of the device's constructor.

    Raises
    ------
    ValueError
        If the checkpoint does not fit the configuration or makes vectors, or an argument is out of its range.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        tokenizer: Tokenizer,
        config: AcceleratorConfig,
        backend: str,
        *,
        max_length: int,
        truncation: Truncation = "head_tail",
        **options: Any,
    ) -> None:
        if checkpoint.task == "embedding":
            raise ValueError("the model makes vectors, not labels")
        positions = checkpoint.network.positions
        if not SHORTEST <= max_length <= positions:
            raise ValueError(f"max_length must be from {SHORTEST} to {positions}, not {max_length!r}")
        self._checkpoint, self._tokenizer = checkpoint, tokenizer
        self._max_length, self._truncation = max_length, truncation
        self._lowering = NetworkLowering(checkpoint, config)
        self._device = open_device(backend, config, **options)
        self._model = None if backend == "model" else open_device("model", config)
        self._programs: dict[int, Program] = {}

    def classify(self, text: Text) -> Classification:
        """Run one text, or a pair.

        Raises
        ------
        ValueError
            If its length does not fit the accelerator.
        DeviceError
            If the device reports an error.
        """
        encoding = self._tokenizer.encode(text, self._max_length, self._truncation)
        rows = embed(self._checkpoint, encoding.ids, encoding.types)
        program = self._program(len(encoding.ids))
        inputs: dict[str, NDArray[np.generic]] = {"rows": _padded(rows, program.inputs["rows"].shape)}
        result = self._device.run(program, inputs)
        labels = len(self._checkpoint.labels)
        sums = result.outputs["logits"][:labels]
        exact = np.array_equal(sums, forward(self._checkpoint, rows))
        if self._model:
            exact = exact and np.array_equal(sums, self._model.run(program, inputs).outputs["logits"][:labels])
        logits = sums * self._checkpoint.logit_scale.astype(np.float64)
        scores = _scores(self._checkpoint.task, logits)
        best = int(logits.argmax())
        cycles = result.cycles
        return Classification(
            label=self._checkpoint.labels[best],
            probability=None if self._checkpoint.task == "regression" else float(scores[best]),
            scores=tuple(scores.tolist()),
            logits=tuple(logits.tolist()),
            sums=tuple(sums.tolist()),
            tokens=len(encoding.ids),
            truncated=encoding.truncated,
            macs=program.macs,
            cycles=cycles,
            utilization=program.macs / (program.config.macs * cycles) if cycles else None,
            bit_exact=exact,
            counters=result.counters,
            empty=encoding.empty,
        )

    def _program(self, length: int) -> Program:
        if length not in self._programs:
            self._programs[length] = self._lowering.lower(length)
        return self._programs[length]


def _scores(task: Task, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what results mean: probabilities, or the number itself."""
    if task == "regression":
        return logits
    if task == "multi_label_classification":
        independent: NDArray[np.float64] = 0.5 * (1 + np.tanh(logits / 2))
        return independent
    odds = np.exp(logits - logits.max())
    scores: NDArray[np.float64] = odds / odds.sum()
    return scores


def check_length(checkpoint: Checkpoint, max_length: int) -> None:
    """Raise ValueError unless a checkpoint has positions for so many tokens."""
    positions = checkpoint.network.positions
    if not 2 <= max_length <= positions:
        raise ValueError(f"max_length must be from 2 to {positions}, not {max_length!r}")


def _padded(rows: NDArray[np.int16], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Zeros behind each row, up to whole vector words."""
    return np.pad(rows, ((0, 0), (0, shape[1] - rows.shape[1])))
