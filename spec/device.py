"""What every backend offers: run a program on inputs, get outputs and counters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.program import Program

__all__ = ["Device", "DeviceError", "Result"]


class DeviceError(RuntimeError):
    """The device stopped with an error.

    ``code`` is the number of :class:`spec.isa.ErrorCode`, ``index`` the instruction's, ``addr`` as in `docs/isa.md`.
    """

    def __init__(self, message: str, *, code: int = 0, index: int = 0, addr: int = 0) -> None:
        super().__init__(message)
        self.code, self.index, self.addr = code, index, addr


@dataclass(frozen=True, kw_only=True)
class Result:
    """Outputs and state by name; ``cycles`` is None on backends without a clock; ``counters`` by register name."""

    outputs: dict[str, NDArray[Any]]
    state: dict[str, NDArray[Any]] = field(default_factory=dict)
    cycles: int | None = None
    counters: dict[str, int] = field(default_factory=dict)


class Device(Protocol):
    """An accelerator, simulated or real."""

    config: AcceleratorConfig

    def run(
        self,
        program: Program,
        inputs: dict[str, NDArray[np.generic]],
        state: Mapping[str, NDArray[np.generic]] | None = None,
    ) -> Result:
        """Write ``inputs`` and ``state`` (zeros without) to their regions, run to HALT, read outputs and state.

        For several runs of one program, :class:`host.session.Session` hands the state on.

        Raises
        ------
        ValueError
            If the program was made for another configuration or an input has another dtype or shape.
        DeviceError
            If the device reports an error.
        """
        ...
