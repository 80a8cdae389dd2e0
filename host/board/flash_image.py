"""What a board's flash holds for programs."""

import dataclasses
import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from files.loading import loading
from host.board.relocate import relocate
from spec.isa import INSTRUCTION_BYTES
from spec.memory_map import MemoryMap
from spec.program import Program

__all__ = ["HEADER_BYTES", "MAGIC", "FlashImage"]

MAGIC = b"SystoLM\0"
"""First bytes of every image."""

_FORMAT = 1
_FIELDS = struct.Struct("<8s5I4x")
"""Magic, format, bytes of the image, of the constants, number of programs, width of the bus; their digest follows."""

HEADER_BYTES = _FIELDS.size + hashlib.sha256().digest_size
"""Bytes at the beginning, which are those of no other image."""

_BUS_BYTES = (4, 8, 16, 32, 64)
"""Widths that a bus may have."""

_ENTRY = struct.Struct("<2I")
"""Address and bytes of a program's instructions."""


class FlashImage:
    """Programs and the constants that they share, for one place in a flash.

    A header with a digest of everything comes first, then an entry for each program, the constants, the instructions.

    Parameters
    ----------
    content : bytes
        All of it, as :attr:`content` returns it.
    where : MemoryMap
        The board's memory.

    Raises
    ------
    ValueError
        If these are not the bytes of an image.
    """

    def __init__(self, content: bytes, where: MemoryMap) -> None:
        self.content, self.where = content, where
        if len(content) < HEADER_BYTES or not content.startswith(MAGIC):
            raise ValueError("content must be a flash image")
        _, version, size, constants_bytes, count, bus_bytes = _FIELDS.unpack_from(content)
        if version != _FORMAT:
            raise ValueError(f"a flash image must be of format {_FORMAT}, not {version}")
        if size != len(content) or self.header != _header(content):
            raise ValueError("a flash image must be whole, with the digest that its header says")
        if bus_bytes not in _BUS_BYTES:
            raise ValueError(
                f"a flash image must be for a bus of {_BUS_BYTES[0]} to {_BUS_BYTES[-1]} bytes, not {bus_bytes}"
            )
        start = _constants_offset(count, bus_bytes)
        code_start = start + constants_bytes
        if not count or code_start > size:
            raise ValueError(
                f"a flash image of {size} bytes must hold its {count} programs and {constants_bytes} bytes of constants"
            )
        self._constants = np.frombuffer(content, np.uint8)[start : start + constants_bytes]
        self._constants_addr = where.data_addr + start
        self._places: dict[bytes, int] = {}
        for number in range(count):
            addr, nbytes = _ENTRY.unpack_from(content, HEADER_BYTES + number * _ENTRY.size)
            at = addr - where.data_addr
            if not code_start <= at <= at + nbytes <= size or not nbytes or nbytes % INSTRUCTION_BYTES:
                raise ValueError(
                    f"program {number} of a flash image must lie behind its constants, not {nbytes} bytes at {addr:#x}"
                )
            self._places[content[at : at + nbytes]] = addr

    @classmethod
    def of(cls, programs: Sequence[Program], where: MemoryMap) -> Self:
        """Make the image of one or more programs.

        Raises
        ------
        ValueError
            If the programs have not the same constants and configuration, or something does not fit the memory.
        """
        first = programs[0]
        for program in programs[1:]:
            if program.config != first.config or not _same(program.constants, first.constants):
                raise ValueError("programs of an image must have the same configuration and constants")
        bus_bytes = first.config.bus_bytes
        start = _constants_offset(len(programs), bus_bytes)
        code_start = start + first.constants.size + -first.constants.size % bus_bytes
        size = code_start + sum(program.instructions.size for program in programs)
        room = where.flash_bytes - where.data_addr
        if size > room:
            raise ValueError(f"instructions and constants must fit {room} bytes, not take {size}")
        ram_bytes = max(map(_ram_bytes, programs))
        if ram_bytes > where.ram_bytes:
            raise ValueError(f"inputs and outputs must fit {where.ram_bytes} bytes, not take {ram_bytes}")

        content = bytearray(_FIELDS.pack(MAGIC, _FORMAT, size, first.constants.size, len(programs), bus_bytes))
        content += bytes(code_start - len(content))
        content[start : start + first.constants.size] = first.constants.tobytes()
        for number, program in enumerate(programs):
            placed = relocate(program, read_only=where.data_addr + start, writable=where.ram_addr)
            code = placed.instructions.tobytes()
            _ENTRY.pack_into(content, HEADER_BYTES + number * _ENTRY.size, where.data_addr + len(content), len(code))
            content += code
        content[:HEADER_BYTES] = _header(bytes(content))
        return cls(bytes(content), where)

    @classmethod
    def load(cls, path: Path, where: MemoryMap) -> Self:
        """Read an image from a file.

        Raises
        ------
        OSError
            If it cannot be read.
        ValueError
            If it is none.
        """
        with loading(path, "a flash image"):
            return cls(path.read_bytes(), where)

    @property
    def header(self) -> bytes:
        """First bytes of the image."""
        return self.content[:HEADER_BYTES]

    @property
    def programs(self) -> int:
        """Number of programs in the image."""
        return len(self._places)

    def place(self, program: Program) -> Program:
        """Return the program as it stands in the flash, with its regions in the RAM.

        Raises
        ------
        ValueError
            If the image does not hold it.
        """
        if not _same(program.constants, self._constants):
            raise ValueError("the flash image must hold the constants of the program; it is of another model")
        placed = relocate(program, read_only=self._constants_addr, writable=self.where.ram_addr)
        code = placed.instructions.tobytes()
        if code not in self._places:
            raise ValueError(
                f"the flash image must hold the program of {len(code) // INSTRUCTION_BYTES} instructions; it has "
                f"{self.programs} others, of other lengths or another configuration"
            )
        addr = self._places[code]
        end = max(placed.memory_bytes, addr + len(code))
        return dataclasses.replace(placed, instructions_addr=addr, memory_bytes=end)


def _header(content: bytes) -> bytes:
    """Return the header of an image: its fields, and the digest of them and all that comes behind."""
    fields = content[: _FIELDS.size]
    return fields + hashlib.sha256(fields + content[HEADER_BYTES:]).digest()


def _constants_offset(programs: int, bus_bytes: int) -> int:
    """Return where constants stand in an image."""
    end = HEADER_BYTES + programs * _ENTRY.size
    return end + -end % bus_bytes


def _ram_bytes(program: Program) -> int:
    """Return what the regions of a program take."""
    regions = [*program.inputs.values(), *program.outputs.values()]
    end = max((region.addr + region.nbytes for region in regions), default=0)
    return end - min((region.addr for region in regions), default=0)


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return one is other or np.array_equal(one, other)
