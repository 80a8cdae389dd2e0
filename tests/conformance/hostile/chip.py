"""The C interface of the simulator with the hostile memory."""

import ctypes
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.rtl.build import build_simulator
from sim.rtl.harness import Harness
from sim.rtl.load_functions import load_functions
from sim.rtl.structure import cpp_structure
from spec.config import AcceleratorConfig
from spec.registers import COUNTERS, REGISTERS
from tests.conformance.hostile.behaviour import Behaviour, BehaviourStructure

__all__ = ["Chip", "Seen"]

OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}
MOST_AWAITED = 256


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Transfers of each channel since the behaviour was told; the start of the burst that it spoiled, or -1."""

    ar: int
    r: int
    aw: int
    w: int
    b: int
    spoiled: int


class Chip:
    """A chip after its hardware reset.

    Parameters
    ----------
    config : AcceleratorConfig
        What to simulate; built if need be.
    seed : int
        Of all that the memory and the host do at random.
    """

    def __init__(self, config: AcceleratorConfig, seed: int) -> None:
        self._functions = _load(build_simulator(config, harness=HARNESS))
        self._chip = self._functions.chip_new(seed)
        self._memory = np.zeros(0, np.uint8)
        self.behave(Behaviour())

    def __del__(self) -> None:
        if hasattr(self, "_chip"):
            self._functions.chip_free(self._chip)

    def behave(self, behaviour: Behaviour) -> None:
        """Let the memory go on like this."""
        self._functions.chip_behave(self._chip, ctypes.byref(behaviour.structure))

    def attach(self, memory: NDArray[np.uint8]) -> None:
        """Put ``memory`` behind the bus, at address 0; accesses beyond it are answered with DECERR."""
        self._memory = memory  # keeps it alive
        self._functions.chip_attach(self._chip, memory.ctypes.data, memory.size)

    def advance(self, cycles: int, *, until_irq: bool = False) -> None:
        """Run for so many cycles, or until the interrupt."""
        self._functions.chip_advance(self._chip, cycles, until_irq)

    @property
    def cycles(self) -> int:
        """Cycles since the chip was made."""
        return int(self._functions.chip_cycles(self._chip))

    @property
    def irq(self) -> bool:
        """The interrupt."""
        return bool(self._functions.chip_irq(self._chip))

    def read(self, register: str | int) -> int:
        """Read a register by name or offset."""
        value = ctypes.c_uint32()
        answered = self._functions.chip_read(self._chip, OFFSETS.get(register, register), ctypes.byref(value))
        assert answered, f"the register bus must answer a read of {register}"
        return value.value

    def write(self, register: str | int, value: int, strobes: int = 0b1111) -> None:
        """Write a register by name or offset."""
        answered = self._functions.chip_write(self._chip, OFFSETS.get(register, register), int(value), strobes)
        assert answered, f"the register bus must answer a write of {register}"

    @property
    def seen(self) -> Seen:
        """What the memory has seen."""
        seen = _Seen()
        self._functions.chip_seen(self._chip, ctypes.byref(seen))
        return Seen(**{name: getattr(seen, name) for name, _ in _Seen._fields_})

    @property
    def awaited(self) -> set[int]:
        """First bytes of the bursts that are offered or have not been answered."""
        starts = (ctypes.c_uint64 * MOST_AWAITED)()
        count = self._functions.chip_awaited(self._chip, starts, MOST_AWAITED)
        return set(starts[:count])

    def violations(self) -> str:
        """Return the rules of AXI that the chip has broken since the last call, one a line."""
        return self._functions.chip_violations(self._chip).decode()


class _Seen(ctypes.Structure):
    """What has been seen, as C++ tells it."""

    _fields_ = tuple((field.name, ctypes.c_int64) for field in fields(Seen))


HARNESS = Harness(
    source=Path(__file__).with_name("harness.cpp"),
    headers={
        "behaviour.h": cpp_structure("Behaviour", BehaviourStructure),
        "seen.h": cpp_structure("Seen", _Seen),
    },
)


@cache
def _load(library: Path) -> Any:
    chip, pointer = ctypes.c_void_p, ctypes.c_void_p
    number, word, flag = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_bool
    signatures = {
        "chip_new": (chip, number),
        "chip_free": (None, chip),
        "chip_attach": (None, chip, pointer, number),
        "chip_behave": (None, chip, pointer),
        "chip_cycles": (number, chip),
        "chip_irq": (flag, chip),
        "chip_advance": (None, chip, number, flag),
        "chip_read": (flag, chip, word, pointer),
        "chip_write": (flag, chip, word, word, word),
        "chip_violations": (ctypes.c_char_p, chip),
        "chip_seen": (None, chip, pointer),
        "chip_awaited": (number, chip, pointer, number),
    }
    return load_functions(library, signatures)
