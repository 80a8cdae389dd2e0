"""A compiled program: the bytes that every device executes."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from files.loading import loading
from files.whole_file import write_whole
from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, ISA_VERSION, Instruction, decode, fields_of

__all__ = ["Patch", "Program", "Region"]

FORMAT = "systolm-program-2"
"""Key of a file's header entry: JSON of everything but the tensors."""

_OLDER = "systolm-program"

MEMORY_LIMIT = 1 << 32
"""Bytes that the bus can address."""

DTYPES = ("int8", "int16", "int32")
"""Types of regions."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A named range of memory that the host writes before a run or reads after it.

    ``addr`` is a byte address, a multiple of ``bus_bytes``; ``dtype`` is ``"int8"``, ``"int16"`` or ``"int32"``; the
    array is C-contiguous and little-endian. In memory it may be larger than its ``shape``, each axis as long as
    ``padded`` says: with zeros at the ends that the host writes, with nothing of use at those that it reads.
    """

    addr: int
    dtype: str
    shape: tuple[int, ...]
    padded: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype of a region must be one of {', '.join(DTYPES)}, not {self.dtype!r}")
        if not all(_is_natural(size) for size in self.shape):
            raise ValueError(f"shape of a region must be sizes, not {self.shape!r}")
        if not self.padded:
            object.__setattr__(self, "padded", self.shape)
        if len(self.padded) != len(self.shape) or not all(
            _is_natural(long) and long >= size for long, size in zip(self.padded, self.shape, strict=True)
        ):
            raise ValueError(f"padded of a region must be sizes no smaller than {self.shape}, not {self.padded!r}")

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.padded, dtype=object)) * np.dtype(self.dtype).itemsize

    def pack(self, value: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Return the bytes uint8 [nbytes] of an array of the region's dtype and shape."""
        more = [(0, long - size) for long, size in zip(self.padded, self.shape, strict=True)]
        return np.frombuffer(np.pad(value, more).tobytes(), np.uint8)

    def unpack(self, data: NDArray[np.uint8]) -> NDArray[Any]:
        """Return a copy of the array in the bytes uint8 [nbytes]."""
        whole = np.frombuffer(data.tobytes(), self.dtype).reshape(self.padded)
        return whole[tuple(map(slice, self.shape))]


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A field of an instruction that depends on a variable of the program.

    Before a run, the field of the instruction ``index`` becomes what it is plus ``scale * ((value + plus) // per)``.
    """

    index: int
    field: str
    variable: str
    scale: int = 1
    per: int = 1
    plus: int = 0

    def __post_init__(self) -> None:
        if not _is_natural(self.index) or not isinstance(self.scale, int) or isinstance(self.scale, bool):
            raise ValueError(f"index and scale of a patch must be whole numbers, not {self.index!r}, {self.scale!r}")
        if not _is_natural(self.per) or not self.per:
            raise ValueError(f"per of a patch must be from 1 on, not {self.per!r}")
        if not _is_natural(self.plus):
            raise ValueError(f"plus of a patch must be from 0 on, not {self.plus!r}")

    def added(self, value: int) -> int:
        """Return what the field gains for a value of the variable."""
        return self.scale * ((value + self.plus) // self.per)


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """Instructions, constants, memory map and metadata for one configuration; equal only to itself.

    ``instructions`` (uint8, a multiple of 32 bytes, ends with HALT) stand at ``instructions_addr``; ``constants``
    (uint8) at ``constants_addr``. ``memory_bytes`` is the size of the memory needed. ``macs`` counts useful
    multiply-accumulates: those of the model, not of padding or extra slots. ``labels`` say of each instruction what it
    is a part of, such as ``layers.2.attention.3.scores``; they may be absent as a whole.

    ``state`` are regions that a run finds as the run before has left them, and at first as zeros. ``variables`` are
    numbers that a run is given, each with the least and the greatest that it may be; ``patches`` say which fields of
    instructions they change, so that one program serves many lengths or positions.

    Raises
    ------
    ValueError
        If an array has another dtype or length, or parts lie beyond the memory, not on a bus word, or on the program.
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
    labels: tuple[str, ...] = ()
    state: dict[str, Region] = field(default_factory=dict)
    variables: dict[str, tuple[int, int]] = field(default_factory=dict)
    patches: tuple[Patch, ...] = ()

    def __post_init__(self) -> None:
        for name in ("instructions", "constants"):
            array = getattr(self, name)
            if array.dtype != np.uint8 or array.ndim != 1:
                raise ValueError(f"{name} must be a vector of uint8, not {array.dtype} {array.shape}")
        if not self.instructions.size or self.instructions.size % INSTRUCTION_BYTES:
            raise ValueError(
                f"instructions must be a multiple of {INSTRUCTION_BYTES} bytes long, not {self.instructions.size}"
            )
        if self.labels and len(self.labels) != self.instructions.size // INSTRUCTION_BYTES:
            raise ValueError(
                f"labels must be one for each of {self.instructions.size // INSTRUCTION_BYTES} instructions, not "
                f"{len(self.labels)}"
            )
        self._check_patches()
        if not _is_natural(self.macs):
            raise ValueError(f"macs must be a count, not {self.macs!r}")
        if not _is_natural(self.memory_bytes) or self.memory_bytes > MEMORY_LIMIT:
            raise ValueError(f"memory_bytes must be from 0 to {MEMORY_LIMIT}, not {self.memory_bytes!r}")
        areas = list(self._areas())
        for name, addr, nbytes in areas:
            if not _is_natural(addr) or addr % self.config.bus_bytes:
                raise ValueError(f"{name} must be at a multiple of {self.config.bus_bytes}, not at {addr!r}")
            if addr + nbytes > self.memory_bytes:
                raise ValueError(f"{name} must end within {self.memory_bytes} bytes of memory, not at {addr + nbytes}")
        for i, (fixed, start, size) in enumerate(areas[:2]):
            for name, addr, nbytes in areas[i + 1 :]:
                if addr < start + size and start < addr + nbytes:
                    raise ValueError(f"{name} must not overlap the {fixed}")

    def __iter__(self) -> Iterator[Instruction]:
        """Yield the instructions, decoded."""
        for place in range(0, self.instructions.size, INSTRUCTION_BYTES):
            yield decode(self.instructions[place : place + INSTRUCTION_BYTES].tobytes())

    def with_variables(self, **values: int) -> "Program":
        """Return the program for some values of its variables; it has none any more.

        Raises
        ------
        ValueError
            If a value is unknown, missing or out of its range.
        """
        if values.keys() != self.variables.keys():
            raise ValueError(f"variables must be {sorted(self.variables)}, not {sorted(values)}")
        for name, (least, most) in self.variables.items():
            value = values[name]
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ValueError(f"{name} must be from {least} to {most}, not {value!r}")
        if not self.variables:
            return self
        code = self.instructions.copy()
        for index, instruction in self._patched(values).items():
            code[index * INSTRUCTION_BYTES :][:INSTRUCTION_BYTES] = np.frombuffer(instruction.encode(), np.uint8)
        return replace(self, instructions=code, variables={}, patches=())

    def memory_image(
        self, inputs: Mapping[str, NDArray[np.generic]], state: Mapping[str, NDArray[np.generic]] | None = None
    ) -> NDArray[np.uint8]:
        """Return the memory before a run: instructions, constants, ``inputs`` and ``state`` in place, zeros elsewhere.

        Raises
        ------
        ValueError
            If an input is unknown, missing, or of another dtype or shape, or the program has variables.
        """
        if inputs.keys() != self.inputs.keys():
            raise ValueError(f"inputs must be {sorted(self.inputs)}, not {sorted(inputs)}")
        if self.variables:
            raise ValueError(f"the program must be given its variables {', '.join(sorted(self.variables))}")
        memory = np.zeros(self.memory_bytes, np.uint8)
        memory[self.instructions_addr :][: len(self.instructions)] = self.instructions
        memory[self.constants_addr :][: len(self.constants)] = self.constants
        for name, region in self.inputs.items():
            value = inputs[name]
            if value.dtype != region.dtype or value.shape != region.shape:
                raise ValueError(f"input {name} must be {region.dtype} {region.shape}, not {value.dtype} {value.shape}")
            memory[region.addr :][: region.nbytes] = region.pack(value)
        for name, value in (state or {}).items():
            region = self.state[name]
            memory[region.addr :][: region.nbytes] = region.pack(value)
        return memory

    def read_outputs(self, memory: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return copies of the outputs in the memory after a run."""
        return _read(memory, self.outputs)

    def read_state(self, memory: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return copies of the state in the memory after a run."""
        return _read(memory, self.state)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file; a file that was there is replaced as a whole or not at all."""
        header: dict[str, Any] = {
            "isa_version": ISA_VERSION,
            "config": asdict(self.config),
            "instructions_addr": self.instructions_addr,
            "constants_addr": self.constants_addr,
            "inputs": {name: asdict(region) for name, region in self.inputs.items()},
            "outputs": {name: asdict(region) for name, region in self.outputs.items()},
            "memory_bytes": self.memory_bytes,
            "macs": self.macs,
            "metadata": self.metadata,
            "labels": list(dict.fromkeys(self.labels)),
            "state": {name: asdict(region) for name, region in self.state.items()},
            "variables": self.variables,
            "patches": [asdict(patch) for patch in self.patches],
        }
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in ("instructions", "constants")}
        numbers = {label: number for number, label in enumerate(header["labels"])}
        tensors["labels"] = np.array([numbers[label] for label in self.labels], np.uint32)
        write_whole(Path(path), save(tensors, {FORMAT: json.dumps(header)}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is not a whole and sound program for this version of the instruction set, with the reason in one line.
        """
        with loading(path, "a SystoLM program"), safe_open(path, "numpy") as file:
            entries = file.metadata() or {}
            if _OLDER in entries:
                raise ValueError("it is of an older format; compile it again")
            header = json.loads(entries[FORMAT])
            if header["isa_version"] != ISA_VERSION:
                raise ValueError(f"isa_version must be {ISA_VERSION}, not {header['isa_version']!r}")
            return cls(
                config=AcceleratorConfig.from_json(header["config"]),
                instructions=file.get_tensor("instructions"),
                instructions_addr=header["instructions_addr"],
                constants=file.get_tensor("constants"),
                constants_addr=header["constants_addr"],
                inputs=_regions(header["inputs"]),
                outputs=_regions(header["outputs"]),
                memory_bytes=header["memory_bytes"],
                macs=header["macs"],
                metadata={str(key): str(value) for key, value in header["metadata"].items()},
                labels=_labels(header["labels"], file.get_tensor("labels")),
                state=_regions(header["state"]),
                variables={str(name): (least, most) for name, (least, most) in header["variables"].items()},
                patches=tuple(Patch(**entry) for entry in header["patches"]),
            )

    def _areas(self) -> Iterator[tuple[str, int, int]]:
        """Yield name, address and size of instructions, constants and regions."""
        yield "instructions", self.instructions_addr, len(self.instructions)
        yield "constants", self.constants_addr, len(self.constants)
        for kind, regions in (("input", self.inputs), ("output", self.outputs), ("state", self.state)):
            for name, region in regions.items():
                yield f"{kind} {name}", region.addr, region.nbytes

    def _check_patches(self) -> None:
        """Make sure that patched fields exist and hold every value that they may get."""
        for name, limits in self.variables.items():
            if len(limits) != 2 or not all(map(_is_natural, limits)) or limits[0] > limits[1]:
                raise ValueError(f"variable {name} must have a least and a greatest value, not {limits!r}")
        for patch in self.patches:
            if patch.variable not in self.variables:
                known = sorted(self.variables)
                raise ValueError(f"a patch must be of a variable, one of {known}, not {patch.variable!r}")
        for end in (0, 1):
            self._patched({name: limits[end] for name, limits in self.variables.items()})

    def _patched(self, values: Mapping[str, int]) -> dict[int, Instruction]:
        """Return the instructions that depend on variables, by index."""
        changed: dict[int, Instruction] = {}
        for patch in self.patches:
            if patch.index * INSTRUCTION_BYTES >= self.instructions.size:
                raise ValueError(f"a patch must be of one of the instructions, not of number {patch.index}")
            if patch.index not in changed:
                data = self.instructions[patch.index * INSTRUCTION_BYTES :][:INSTRUCTION_BYTES]
                changed[patch.index] = decode(data.tobytes())
            instruction = changed[patch.index]
            if patch.field not in {name for name, _, _ in fields_of(type(instruction))}:
                raise ValueError(f"instruction {patch.index} must have the field of its patch, {patch.field!r}")
            value = getattr(instruction, patch.field) + patch.added(values[patch.variable])
            changed[patch.index] = replace(instruction, **{patch.field: value})
        for instruction in changed.values():
            instruction.encode()
        return changed


def _regions(entries: dict[str, dict[str, Any]]) -> dict[str, Region]:
    tuples = ("shape", "padded")
    return {
        name: Region(**{**entry, **{part: tuple(entry[part]) for part in tuples}}) for name, entry in entries.items()
    }


def _read(memory: NDArray[np.uint8], regions: Mapping[str, Region]) -> dict[str, NDArray[Any]]:
    return {name: region.unpack(memory[region.addr :][: region.nbytes]) for name, region in regions.items()}


def _labels(names: Any, numbers: NDArray[Any]) -> tuple[str, ...]:
    """Return the name of each number."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("labels must be a list of names")
    if numbers.dtype != np.uint32 or numbers.ndim != 1:
        raise ValueError(f"labels must be numbered by a vector of uint32, not {numbers.dtype} {numbers.shape}")
    if numbers.size and numbers.max() >= len(names):
        raise ValueError(f"labels must be numbered below {len(names)}, not {numbers.max()}")
    return tuple(names[number] for number in numbers.tolist())


def _is_natural(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
