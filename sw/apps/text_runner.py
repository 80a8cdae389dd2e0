"""Texts through a network on a device, each result compared with the integer reference."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from host.session import Session
from host.verified import Verified
from spec.config import AcceleratorConfig
from sw.apps.open_device import open_device
from sw.families.tokenizer import Text, Tokenizer, Truncation
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.reference import embed, forward

__all__ = ["SHORTEST", "Answer", "TextResult", "TextRunner", "check_length"]

SHORTEST = 2
"""Tokens of an empty text, such as [CLS] and [SEP]."""


@dataclass(frozen=True, kw_only=True)
class TextResult:
    """What a device makes of one text, and what that took.

    ``sums`` are the device's integers. ``utilization`` is the model's multiply-accumulates over those of all processing
    elements in ``cycles``; both are None without a clock. ``bit_exact``: the device's integers are those of the
    reference and of the integer model, unless they come from that itself. ``empty`` if the text had no token of its
    own: then the result says nothing about it.
    """

    sums: tuple[int, ...]
    tokens: int
    truncated: bool
    macs: int
    cycles: int | None
    utilization: float | None
    bit_exact: bool
    counters: dict[str, int] = field(default_factory=dict)
    empty: bool = False


Answer = TypeVar("Answer", bound=TextResult)


class TextRunner(ABC, Generic[Answer]):
    """A checkpoint on a device, and what its results mean; programs are compiled once for each length.

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
        If the checkpoint is of another kind or does not fit the configuration, or an argument is out of its range.
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
        self.refuse_other_kinds(checkpoint)
        check_length(checkpoint, max_length)
        self.checkpoint = checkpoint
        self._tokenizer, self._max_length, self._truncation = tokenizer, max_length, truncation
        self._lowering = NetworkLowering(checkpoint, config)
        self._device = open_device(backend, config, **options)
        self._model = None if backend == "model" else open_device("model", config)
        self._sessions: dict[int, Verified] = {}

    @staticmethod
    @abstractmethod
    def refuse_other_kinds(checkpoint: Checkpoint) -> None:
        """Raise ValueError if a checkpoint's results mean something else."""

    @abstractmethod
    def answer(self, text: Text) -> Answer:
        """Run one text, or a pair, and say what it comes to.

        Raises
        ------
        ValueError
            If its length does not fit the accelerator.
        DeviceError
            If the device reports an error.
        """

    def run(self, text: Text) -> TextResult:
        """Run one text, or a pair; raises what :meth:`answer` does."""
        encoding = self._tokenizer.encode(text, self._max_length, self._truncation)
        verified = self._session(len(encoding.ids))
        result, exact = verified.run({"rows": embed(self.checkpoint, encoding.ids, encoding.types)})
        program, cycles = verified.session.program, result.cycles
        return TextResult(
            sums=tuple(result.outputs["logits"].tolist()),
            tokens=len(encoding.ids),
            truncated=encoding.truncated,
            macs=program.macs,
            cycles=cycles,
            utilization=program.macs / (program.config.macs * cycles) if cycles else None,
            bit_exact=exact,
            counters=result.counters,
            empty=encoding.empty,
        )

    def _session(self, length: int) -> Verified:
        if length not in self._sessions:
            program = self._lowering.lower(length)
            references = [self._reference]
            if self._model:
                model = Session(self._model, program)
                references.append(lambda inputs: model.run(inputs).outputs)
            self._sessions[length] = Verified(Session(self._device, program), *references)
        return self._sessions[length]

    def _reference(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        return {"logits": forward(self.checkpoint, inputs["rows"])}


def check_length(checkpoint: Checkpoint, max_length: int) -> None:
    """Raise ValueError unless a checkpoint has positions for so many tokens."""
    positions = checkpoint.network.positions
    if not SHORTEST <= max_length <= positions:
        raise ValueError(f"max_length must be from {SHORTEST} to {positions}, not {max_length!r}")
