"""A compiled program: the bytes that every device executes."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hw.config import AcceleratorConfig

__all__ = ["Program", "Region"]


@dataclass(frozen=True, kw_only=True)
class Region:
    """A named range of memory that the host writes before a run or reads after it.

    ``addr`` is a byte address, a multiple of ``bus_bytes``; ``dtype`` is ``"int8"``, ``"int16"`` or ``"int32"``; the array is
    C-contiguous and little-endian.
    """

    addr: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class Program:
    """Instructions, constants, memory map and metadata for one configuration.

    ``instructions`` (uint8, a multiple of 32 bytes, ends with HALT) stand at ``instructions_addr``; ``constants`` (uint8) at ``constants_addr``. ``memory_bytes`` is the
    size of the memory needed. ``macs`` counts useful multiply-accumulates: those of the model, not of padding or extra slots.
    """

    config: AcceleratorConfig
    instructions: NDArray[np.uint8]
    instructions_addr: int
    constants: NDArray[np.uint8]
    constants_addr: int
    inputs: dict[str, Region]
    outputs: dict[str, Region]
    memory_bytes: int
    macs: int
    metadata: dict[str, str] = field(default_factory=dict)
