"""The one description of an accelerator from which everything else derives."""

from dataclasses import dataclass, fields
from math import gcd
from typing import Self

__all__ = ["CORES", "AcceleratorConfig"]

CORES = ("pipelined", "micro")
"""Machines that execute the instructions: many units side by side, or a small microprogrammed one."""


@dataclass(frozen=True, kw_only=True)
class AcceleratorConfig:
    """Shape and memories of one accelerator, validated once.

    Parameters
    ----------
    rows : int
        Processing elements along K; also the bytes of a scratchpad word.
    cols : int
        Processing elements along N.
    lanes : int, optional
        Values that the post-processor handles side by side. Must divide ``rows`` and ``cols``.
        Default: the largest divisor of both that is at most 8.
    core : str
        pipelined, or micro: one small machine does everything, one instruction after the other and one value after the
        other, and of the performance counters only cycles and instructions count. For micro, ``rows`` and
        ``bus_bytes`` must be 4, ``lanes`` and ``scratchpad_banks`` 1, ``acc_depth`` at most 128, and the memories
        small; the weight FIFO is not used.
    dsp_multipliers : int
        The most multipliers of the array that are DSP blocks when the target is an FPGA that is known; the rest, if
        any, are built from LUTs. Computes the same in the same cycles whatever the number.
    acc_depth : int
        Rows that one accumulator bank holds; the most rows that a GEMM streams.
    acc_banks : int
        Accumulator banks, filled and drained in turn.
    scratchpad_kib : int
        int8 operand memory in KiB.
    scratchpad_banks : int
        Contiguous, equal parts of the scratchpad, each with one read and one write port.
    vector_kib : int
        int16 memory of the post-processor in KiB.
    param_words : int
        Words of ``lanes`` parameter records.
    tables : int
        Look-up tables of 2048 bytes.
    weight_fifo_words : int
        Words of ``rows`` bytes that are prefetched from memory.
    bus_bytes : int
        Width of the AXI4 data bus in bytes.
    queue_depth : int
        Instructions that wait in front of each engine.
    timeout_cycles : int
        Cycles without an answer after which the memory bus counts as dead.

    Raises
    ------
    TypeError
        If a value is not an integer, or ``core`` not a string.
    ValueError
        If a value is out of its range, with the range in the message.
    """

    rows: int = 16
    cols: int = 16
    lanes: int = None  # type: ignore[assignment]  # resolved in __post_init__
    core: str = "pipelined"
    dsp_multipliers: int = 4096
    acc_depth: int = 512
    acc_banks: int = 3
    scratchpad_kib: int = 1024
    scratchpad_banks: int = 4
    vector_kib: int = 1024
    param_words: int = 512
    tables: int = 2
    weight_fifo_words: int = 1024
    bus_bytes: int = 16
    queue_depth: int = 8
    timeout_cycles: int = 65536

    def __post_init__(self) -> None:
        if self.lanes is None:
            common = gcd(self.rows, self.cols) if _is_int(self.rows) and _is_int(self.cols) else 1
            best = max((d for d in range(1, 9) if common % d == 0), default=1)
            object.__setattr__(self, "lanes", best)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "core" and not _is_int(value):
                raise TypeError(f"{field.name} must be an integer, not {value!r}")
        if not isinstance(self.core, str):
            raise TypeError(f"core must be a string, not {self.core!r}")
        if self.core not in CORES:
            raise ValueError(f"core must be {' or '.join(CORES)}, not {self.core!r}")
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low} to {high}, not {value!r}")
        for name in ("acc_depth", "param_words", "bus_bytes", "queue_depth"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ValueError(f"{name} must be a power of two, not {value!r}")
        if self.rows % self.lanes or self.cols % self.lanes:
            raise ValueError(f"lanes must divide rows and cols ({self.rows} and {self.cols}), not {self.lanes!r}")
        if self.core == "micro":
            self._check_micro()
        if self.weight_fifo_words < 2 * self.cols:
            raise ValueError(
                f"weight_fifo_words must hold two tiles ({2 * self.cols} words), not {self.weight_fifo_words!r}"
            )

    def _check_micro(self) -> None:
        """What the microprogram's 16-bit words and its bus of 4 bytes ask for."""
        for name, needed in _MICRO_SHAPE.items():
            if getattr(self, name) != needed:
                raise ValueError(f"{name} must be {needed} for core micro, not {getattr(self, name)!r}")
        for name, most in _MICRO_LIMITS.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most} for core micro, not {getattr(self, name)!r}")

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Return the configuration of a file, whose fields are those of :func:`dataclasses.asdict`.

        Raises
        ------
        TypeError, ValueError
            As for the fields themselves; and if the content is no such object, or has a field that there is not.
        """
        if not isinstance(content, dict):
            raise TypeError(f"a configuration must be an object, not {content!r}")
        unknown = content.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a configuration has no {min(unknown)}; this one is of another version")
        return cls(**content)

    @property
    def macs(self) -> int:
        """Multiply-accumulates per cycle at full use."""
        return self.rows * self.cols

    @property
    def scratchpad_words(self) -> int:
        """Scratchpad words of ``rows`` bytes, a multiple of the banks."""
        per_bank = self.scratchpad_kib * 1024 // self.rows // self.scratchpad_banks
        return max(1, per_bank) * self.scratchpad_banks

    @property
    def vector_words(self) -> int:
        """Vector memory words of ``lanes`` int16 values."""
        return self.vector_kib * 1024 // (2 * self.lanes)

    @property
    def chunks_per_tile(self) -> int:
        """Groups of ``lanes`` columns in one column tile."""
        return self.cols // self.lanes


_RANGES = (
    ("rows", 1, 64),
    ("cols", 1, 64),
    ("lanes", 1, 64),
    ("dsp_multipliers", 0, 4096),
    ("acc_depth", 4, 2048),
    ("acc_banks", 2, 8),
    ("scratchpad_kib", 1, 16384),
    ("scratchpad_banks", 1, 16),
    ("vector_kib", 1, 16384),
    ("param_words", 4, 16384),
    ("tables", 1, 4),
    ("weight_fifo_words", 2, 65536),
    ("bus_bytes", 4, 64),
    ("queue_depth", 2, 64),
    ("timeout_cycles", 256, 1 << 24),
)


_MICRO_SHAPE = {"rows": 4, "bus_bytes": 4, "lanes": 1, "scratchpad_banks": 1}
_MICRO_LIMITS = {"acc_depth": 128, "acc_banks": 3, "scratchpad_kib": 64, "vector_kib": 32, "param_words": 512}


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
