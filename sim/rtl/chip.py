"""The C interface of the compiled simulator."""

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.memory import MemoryModel
from sim.rtl.activity import activity_header
from sim.rtl.harness import Harness
from sim.rtl.load_functions import load_functions
from sim.rtl.structure import cpp_structure
from sim.rtl.trace import Trace

__all__ = ["HARNESS", "Chip"]


class Chip:
    """One simulated chip after its hardware reset, with the memory behind its bus.

    Calls release Python's global lock, so chips in several threads run at the same time. A chip itself serves one
    thread at a time.

    Parameters
    ----------
    library : Path
        Compiled simulator; for traces, one with debug information.
    memory_model : MemoryModel
        Timing and faults of the memory.
    bus_bytes : int
        Width of the memory bus.
    """

    def __init__(self, library: Path, memory_model: MemoryModel, bus_bytes: int) -> None:
        self._functions = _load(library)
        self._chip = self._functions.chip_new(ctypes.byref(_settings(memory_model, bus_bytes)))
        self._memory = np.zeros(0, np.uint8)

    def __del__(self) -> None:
        if hasattr(self, "_chip"):
            self._functions.chip_free(self._chip)

    @property
    def cycles(self) -> int:
        """Cycles since the chip was made."""
        return int(self._functions.chip_cycles(self._chip))

    def attach(self, memory: NDArray[np.uint8]) -> None:
        """Put ``memory`` (contiguous) behind the bus, at address 0; accesses beyond it are answered with SLVERR."""
        self._memory = memory  # keeps it alive
        self._functions.chip_attach(self._chip, memory.ctypes.data, memory.size)

    def advance(self, cycles: int) -> None:
        """Run for ``cycles`` cycles, or until the interrupt; signals are handled meanwhile."""
        while cycles:
            cycles = self._functions.chip_advance(self._chip, cycles)

    def read_registers(self, offsets: Sequence[int]) -> list[int]:
        """Read registers, one after the other.

        Raises
        ------
        RuntimeError
            If the register bus does not answer.
        """
        values = []
        for offset in offsets:
            value = ctypes.c_uint32()
            if not self._functions.chip_read(self._chip, offset, ctypes.byref(value)):
                raise RuntimeError(f"the register bus must answer a read of {offset:#x}")
            values.append(value.value)
        return values

    def write_registers(self, values: Mapping[int, int]) -> None:
        """Write registers, by offset, in order.

        Raises
        ------
        RuntimeError
            If the register bus does not answer.
        """
        for offset, value in values.items():
            if not self._functions.chip_write(self._chip, offset, value):
                raise RuntimeError(f"the register bus must answer a write of {offset:#x}")

    def trace(self, trace: Trace) -> None:
        """Record from now on.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        if not self._functions.chip_trace(self._chip, str(trace.path).encode(), trace.start, trace.stop):
            raise OSError(f"{trace.path} cannot be written")

    def record(self) -> None:
        """Begin a new record of what the engines do."""
        self._functions.chip_record(self._chip)

    @property
    def changes(self) -> NDArray[np.uint64]:
        """The record so far, as :class:`sim.rtl.activity.Activity` reads it."""
        count = self._functions.chip_recorded(self._chip)
        return np.ctypeslib.as_array(self._functions.chip_changes(self._chip), (count,)).copy()

    def end_trace(self) -> None:
        """Finish the record."""
        self._functions.chip_end_trace(self._chip)


class _MemorySettings(ctypes.Structure):
    """Timing and faults of the memory, as the C++ takes them."""

    _fields_ = (
        ("latency", ctypes.c_uint64),
        ("write_latency", ctypes.c_uint64),
        ("bytes_per_cycle", ctypes.c_double),
        ("stall_probability", ctypes.c_double),
        ("seed", ctypes.c_uint64),
        ("faults_start", ctypes.c_uint64),
        ("faults_stop", ctypes.c_uint64),
        ("dead_start", ctypes.c_uint64),
        ("dead_stop", ctypes.c_uint64),
    )


def _settings(model: MemoryModel, bus_bytes: int) -> _MemorySettings:
    faults, dead = model.faults or range(0), model.dead or range(0)
    return _MemorySettings(
        model.latency,
        model.write_latency,
        model.bytes_per_cycle or bus_bytes,
        model.stall_probability,
        model.seed,
        faults.start,
        faults.stop,
        dead.start,
        dead.stop,
    )


HARNESS = Harness(
    source=Path(__file__).with_name("cpp") / "chip.cpp",
    headers={
        "memory_settings.h": cpp_structure("MemorySettings", _MemorySettings),
        "activity.h": activity_header(),
    },
)
"""The C++ behind :class:`Chip`."""


def _load(library: Path) -> Any:
    chip, addr, cycles = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
    signatures = {
        "chip_new": (chip, ctypes.POINTER(_MemorySettings)),
        "chip_free": (None, chip),
        "chip_attach": (None, chip, ctypes.c_void_p, ctypes.c_uint64),
        "chip_cycles": (cycles, chip),
        "chip_advance": (cycles, chip, cycles),
        "chip_read": (ctypes.c_bool, chip, addr, ctypes.POINTER(ctypes.c_uint32)),
        "chip_write": (ctypes.c_bool, chip, addr, ctypes.c_uint32),
    }
    if_traced = {
        "chip_trace": (ctypes.c_bool, chip, ctypes.c_char_p, cycles, cycles),
        "chip_end_trace": (None, chip),
    }
    if_probed = {
        "chip_record": (None, chip),
        "chip_recorded": (ctypes.c_uint64, chip),
        "chip_changes": (ctypes.POINTER(ctypes.c_uint64), chip),
    }
    return load_functions(library, signatures, if_traced | if_probed)
