"""The register map: the one table from which hardware, drivers, manifest and documentation derive.

Registers are 32 bits wide, counters 64 bits (low word first). Every register may be written at any time: of those that
START takes, a later value is for the next program. A write to a read-only register, and every access to an address
without a register, is answered OKAY and does nothing; such an address reads as zero. Byte strobes count.
"""

import enum
from dataclasses import dataclass
from typing import Literal

__all__ = ["ADDRESS_BITS", "COUNTERS", "DEVICE_ID", "REGISTERS", "Control", "Register", "Status"]

ADDRESS_BITS = 12
"""Width of the byte address of the register bus."""

DEVICE_ID = 0x5359534C
"""What ID reads as: ``SYSL``."""

_COUNTERS_OFFSET = 0x80
_COUNTER_BITS = 64


class Control(enum.IntFlag):
    """Bits of CONTROL; each acts when one is written and reads as zero."""

    START = 1
    """Run the program; clears DONE, REFUSED and the counters, and takes PROGRAM_ADDR and PROGRAM_LENGTH.

    While BUSY, ERROR or RESETTING, and together with SOFT_RESET, it does nothing but set REFUSED.
    """

    SOFT_RESET = 2
    """Stop, wait for the bus, clear every buffer and register except PROGRAM_ADDR, PROGRAM_LENGTH and IRQ_ENABLE.

    Whatever was offered on the bus stays until it is taken, beats that are owed are given, and answers that are owed
    are waited for and dropped, however long that takes. A bus that never answers needs a hardware reset of both sides.
    Does nothing while RESETTING.

    A host does this once after power-on or a hardware reset, which themselves clear no memory.
    """


class Status(enum.IntFlag):
    """Bits of STATUS."""

    BUSY = 1
    """A program runs."""

    DONE = 2
    """HALT has completed: all results are in memory. Cleared by START and soft reset."""

    ERROR = 4
    """The core has stopped; ERROR_CODE, ERROR_INDEX and ERROR_ADDR say why. Cleared by soft reset only."""

    RESETTING = 8
    """A soft reset is under way: START is refused until it has ended, which takes as long as the bus owes anything."""

    REFUSED = 16
    """A START has done nothing. Cleared by the next START that does something and by SOFT_RESET; no interrupt."""


@dataclass(frozen=True)
class Register:
    """One register of the map.

    Parameters
    ----------
    name : str
        Upper case for registers, lower case for counters (the names in ``Result.counters``).
    offset : int
        Byte offset of the (low) word.
    width : int
        Bits that are implemented; the others read as zero.
    access : str
        ``"r"``, ``"w"`` or ``"rw"``.
    doc : str
        What it holds.
    """

    name: str
    offset: int
    width: int
    access: Literal["r", "w", "rw"]
    doc: str


REGISTERS: tuple[Register, ...] = (
    Register("ID", 0x00, 32, "r", "0x5359534C"),
    Register("VERSION", 0x04, 32, "r", "version of the instruction set"),
    Register("CONTROL", 0x08, 2, "w", "START (bit 0), SOFT_RESET (bit 1); write one to act"),
    Register("STATUS", 0x0C, 5, "r", "BUSY (bit 0), DONE (1), ERROR (2), RESETTING (3), REFUSED (4)"),
    Register(
        "PROGRAM_ADDR",
        0x10,
        32,
        "rw",
        "byte address of the first instruction, taken at START; bits within a bus word do not count",
    ),
    Register("PROGRAM_LENGTH", 0x14, 27, "rw", "instructions in the program, taken at START"),
    Register("ERROR_CODE", 0x18, 4, "r", "ErrorCode of the first error, 0 if there is none"),
    Register("ERROR_INDEX", 0x1C, 32, "r", "index of the instruction that the error belongs to"),
    Register("ERROR_ADDR", 0x20, 32, "r", "address that the error belongs to"),
    Register("IRQ_ENABLE", 0x24, 1, "rw", "let irq be high while DONE or ERROR"),
    Register("ROWS", 0x28, 32, "r", "rows of the array"),
    Register("COLS", 0x2C, 32, "r", "columns of the array"),
    Register("LANES", 0x30, 32, "r", "lanes of the post-processor"),
)
"""Control and status registers, in address order."""

_COUNTED = {
    "cycles": "cycles from START to DONE or ERROR",
    "array_busy": "cycles in which the array took a row of A",
    "array_wait_weights": "cycles in which the array waited for the weight stream",
    "array_wait_operand": "cycles in which the array waited for the scratchpad or for a tile of B",
    "array_wait_bank": "cycles in which the array waited for an empty accumulator bank",
    "array_wait_instruction": "cycles in which the array had no instruction",
    "array_wait_load": "cycles in which the array's next instruction waited for a token of LOAD",
    "array_wait_post": "cycles in which the array's next instruction waited for a token of POST",
    "post_busy": "cycles in which the post-processor worked",
    "post_wait_bank": "cycles in which the post-processor waited for a full accumulator bank",
    "post_wait_row": "cycles in which the post-processor waited for scalars of the row unit",
    "post_wait_memory": "cycles in which the post-processor waited for a write to memory",
    "post_wait_instruction": "cycles in which the post-processor had no instruction",
    "post_wait_load": "cycles in which the post-processor's next instruction waited for a token of LOAD",
    "post_wait_array": "cycles in which the post-processor's next instruction waited for a token of ARRAY",
    "load_busy": "cycles in which a LOAD was being carried out",
    "scratchpad_conflicts": "cycles in which a read of B or a write of LOAD waited for a scratchpad bank",
    "instruction_bytes": "bytes of program read over the bus",
    "weight_bytes": "bytes of weights read over the bus",
    "load_bytes": "bytes of LOADs read over the bus",
    "write_bytes": "bytes written over the bus",
    "instructions": "instructions dispatched, HALT included",
}

COUNTERS: tuple[Register, ...] = tuple(
    Register(name, _COUNTERS_OFFSET + _COUNTER_BITS // 8 * i, _COUNTER_BITS, "r", doc)
    for i, (name, doc) in enumerate(_COUNTED.items())
)
"""Performance counters in address order. The ``array_*`` counters sum to ``cycles``, and so do the ``post_*`` ones."""
