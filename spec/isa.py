"""The instruction set: 256-bit instructions of the three engines, and the weight stream.

Every instruction is a frozen dataclass whose field metadata gives width and meaning; the
encoder, the hardware's layouts and the reference in ``docs/`` all derive from it.
"""

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, ClassVar, dataclass_transform

__all__ = [
    "INSTRUCTION_BYTES",
    "ISA_VERSION",
    "MOST_TOKENS",
    "TABLE_ENTRIES",
    "Destination",
    "Drain",
    "Engine",
    "ErrorCode",
    "Gemm",
    "Halt",
    "Instruction",
    "Load",
    "LoadTarget",
    "Opcode",
    "ParamMode",
    "SecondStage",
    "Stats",
    "Stream",
    "Sweep",
    "SweepKind",
    "decode",
    "fields_of",
]

ISA_VERSION = 1
INSTRUCTION_BYTES = 32
TABLE_ENTRIES = 2048

MOST_TOKENS = 255
"""Tokens that one engine may owe to another: given and not taken, or to be given by instructions under way."""


class Opcode(enum.IntEnum):
    """What an instruction does; 0 is illegal so that empty memory is no program."""

    HALT = 1
    LOAD = 2
    STREAM = 3
    GEMM = 4
    DRAIN = 5
    SWEEP = 6


class Engine(enum.IntEnum):
    """In-order engines that exchange tokens; the number is the bit in ``wait`` and ``signal``."""

    LOAD = 0
    ARRAY = 1
    POST = 2


class ErrorCode(enum.IntEnum):
    """Why the core stopped; see the table in ``docs/architecture.md``."""

    NONE = 0
    ILLEGAL_OPCODE = 1
    ILLEGAL_FIELD = 2
    OUT_OF_RANGE = 3
    BUS_READ = 4
    BUS_WRITE = 5
    BUS_TIMEOUT = 6
    NO_HALT = 7
    DEADLOCK = 8


class LoadTarget(enum.IntEnum):
    """On-chip memory that a LOAD fills; the unit of ``addr`` and ``count`` in parentheses."""

    SCRATCHPAD = 0  # words of ``rows`` bytes
    VECTOR = 1  # words of ``lanes`` int16
    PARAM = 2  # words of ``lanes`` 8-byte records
    PARAM_BROADCAST = 3  # words; one 8-byte record each, copied to all lanes
    TABLE = 4  # groups of 8 table bytes; a table has 256 of them


class Destination(enum.IntEnum):
    """Where a DRAIN writes."""

    SCRATCHPAD = 0  # low 8 bits of the result
    VECTOR = 1  # int16
    MEMORY = 2  # int32 ``acc + bias``, over the bus


class ParamMode(enum.IntEnum):
    """Which parameter word goes with a chunk of row ``m``, column chunk ``j``."""

    COLUMN = 0  # param_addr + j
    ROW = 1  # param_addr + m
    FIXED = 2  # param_addr


class SecondStage(enum.IntEnum):
    """What a DRAIN's second multiplier is used for."""

    NONE = 0
    RESIDUAL = 1  # add round_shift(residual * mul2, second_shift)
    SCALE = 2  # result = round_shift(result * mul2, second_shift)


class Stats(enum.IntEnum):
    """Row statistics that a DRAIN gathers from its int16 results."""

    NONE = 0
    MAX = 1
    MOMENTS = 2  # sum and sum of squares


class SweepKind(enum.IntEnum):
    """What a SWEEP does with rows of the vector memory."""

    MOMENTS = 0  # gather sum and sum of squares, then start the row unit
    SOFTMAX = 1  # table of (maximum - x) to the scratchpad, sum, then start the row unit
    LAYERNORM = 2  # normalised rows in place; scaled int8 to the scratchpad
    GATHER = 3  # one column of normalised rows, scaled again, to one byte column


def _bits(width: int, doc: str, *, signed: bool = False) -> Any:
    return dataclasses.field(default=0, metadata={"width": width, "doc": doc, "signed": signed})


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _instruction(opcode: Opcode, engine: Engine | None) -> Any:
    def wrap(cls: type) -> Any:
        made: Any = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        made.opcode, made.engine = opcode, engine
        return made

    return wrap


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instruction:
    """Common head of all instructions: 4 bits of opcode, then these fields, low bits first."""

    opcode: ClassVar[Opcode]
    engine: ClassVar[Engine | None]

    wait: int = _bits(3, "take one token from each engine whose bit is set, before starting")
    signal: int = _bits(3, "give one token to each engine whose bit is set, when complete")

    def encode(self) -> bytes:
        """Return the 32 bytes of the instruction, little-endian.

        Raises
        ------
        ValueError
            If a field does not fit its width.
        """
        word, offset = int(self.opcode), 4
        for name, width, signed in fields_of(type(self)):
            value = int(getattr(self, name))
            low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
            if not low <= value <= high:
                raise ValueError(f"{self.opcode.name} {name} must be from {low} to {high}, not {value}")
            word |= (value & ((1 << width) - 1)) << offset
            offset += width
        return word.to_bytes(INSTRUCTION_BYTES, "little")


@_instruction(Opcode.HALT, None)
class Halt(Instruction):
    """End of the program: waits for all engines and outstanding writes, then sets ``done``."""


@_instruction(Opcode.LOAD, Engine.LOAD)
class Load(Instruction):
    """Copy ``count`` consecutive units from memory to an on-chip memory."""

    target: int = _bits(3, "LoadTarget")
    addr: int = _bits(20, "first unit in the target")
    count: int = _bits(20, "units; at least 1")
    mem_addr: int = _bits(32, "byte address in memory, a multiple of the bus width")


@_instruction(Opcode.STREAM, None)
class Stream(Instruction):
    """Append ``count`` words of ``rows`` bytes to the weight stream; takes part in no tokens."""

    mem_addr: int = _bits(32, "byte address in memory, a multiple of the bus width")
    count: int = _bits(24, "words; at least 1")


@_instruction(Opcode.GEMM, Engine.ARRAY)
class Gemm(Instruction):
    """``C[m, n] = A[m, k] . B[n, k]^T`` over ``k_tiles`` words of K, one column tile after the other.

    Each column tile fills one accumulator bank, which the next DRAIN tile empties.
    """

    m: int = _bits(12, "rows of A, 1 to acc_depth")
    n: int = _bits(16, "columns (rows of B); the last tile may be partial")
    k_tiles: int = _bits(14, "scratchpad words of K")
    a_addr: int = _bits(20, "first word of A")
    a_stride: int = _bits(16, "words from one row of A to the next")
    a_unsigned: int = _bits(1, "A holds u8 instead of s8")
    b_scratchpad: int = _bits(1, "B comes from the scratchpad instead of the weight stream")
    b_addr: int = _bits(20, "first word of B")
    b_stride: int = _bits(16, "words from one row of B to the next")
    clear: int = _bits(1, "start from zero instead of the bank's present sums")
    release: int = _bits(1, "hand the bank to the post-processor when done")


@_instruction(Opcode.DRAIN, Engine.POST)
class Drain(Instruction):
    """Requantize the accumulator banks of the matching GEMM, tile by tile, row by row."""

    m: int = _bits(12, "rows, 1 to acc_depth")
    n: int = _bits(16, "columns; the last tile may be partial")
    dest: int = _bits(2, "Destination")
    dest_addr: int = _bits(32, "first word, or byte address in memory (a multiple of the bus width)")
    dest_stride: int = _bits(16, "words from one row to the next; unused for memory, which is dense")
    param_mode: int = _bits(2, "ParamMode")
    param_addr: int = _bits(14, "first parameter word")
    pre_shift: int = _bits(5, "p: shift of acc + bias to 18 bits")
    shift: int = _bits(5, "s: shift after the first multiplier")
    row_scale: int = _bits(1, "first multiplier and both shifts from the row's scalars")
    second: int = _bits(2, "SecondStage")
    second_shift: int = _bits(5, "shift after the second multiplier")
    res_addr: int = _bits(20, "first vector word of the residual")
    res_stride: int = _bits(16, "words from one residual row to the next")
    table_enable: int = _bits(1, "replace the result by table[result]")
    table: int = _bits(2, "which table")
    clip_low: int = _bits(16, "least result before the table", signed=True)
    clip_high: int = _bits(16, "greatest result before the table", signed=True)
    stats: int = _bits(2, "Stats; not NONE only for int16 results")
    stats_first: int = _bits(1, "first tile of this DRAIN starts the rows' statistics")
    stats_last: int = _bits(1, "rows are complete: start the row unit (MOMENTS only)")
    stats_addr: int = _bits(12, "row 0's place in the statistics and scalars")
    row_length: int = _bits(13, "values in a complete row (MOMENTS with stats_last)")


@_instruction(Opcode.SWEEP, Engine.POST)
class Sweep(Instruction):
    """A pass over int16 rows of the vector memory."""

    kind: int = _bits(2, "SweepKind")
    m: int = _bits(12, "rows, 1 to acc_depth")
    n: int = _bits(16, "values in a row; 1 for GATHER")
    src_addr: int = _bits(20, "first vector word")
    src_stride: int = _bits(16, "words from one row to the next")
    src_lane: int = _bits(6, "GATHER: which value of the source word")
    dest_addr: int = _bits(20, "first scratchpad word (not for MOMENTS)")
    dest_stride: int = _bits(16, "words from one row to the next")
    dest_byte: int = _bits(8, "GATHER: byte in the destination word")
    param_addr: int = _bits(14, "first parameter word (COLUMN mode; one broadcast word for GATHER)")
    second_shift: int = _bits(5, "shift after the second multiplier")
    table: int = _bits(2, "SOFTMAX: which table")
    clip_low: int = _bits(16, "least result", signed=True)
    clip_high: int = _bits(16, "greatest result", signed=True)
    stats_addr: int = _bits(12, "row 0's place in the statistics and scalars")
    row_length: int = _bits(13, "MOMENTS: values in a row, for the row unit")


_CLASSES: dict[Opcode, type[Instruction]] = {c.opcode: c for c in (Halt, Load, Stream, Gemm, Drain, Sweep)}


def fields_of(cls: type[Instruction]) -> Iterator[tuple[str, int, bool]]:
    """Yield name, width in bits and signedness of a class's fields, in order after the opcode."""
    for field in dataclasses.fields(cls):
        yield field.name, field.metadata["width"], field.metadata["signed"]


def decode(data: bytes) -> Instruction:
    """Return the instruction in 32 bytes.

    Raises
    ------
    ValueError
        If the length or the opcode is wrong.
    """
    if len(data) != INSTRUCTION_BYTES:
        raise ValueError(f"an instruction must be {INSTRUCTION_BYTES} bytes, not {len(data)}")
    word = int.from_bytes(data, "little")
    code = word & 15
    if code not in _CLASSES:
        raise ValueError(f"opcode must be one of {sorted(map(int, _CLASSES))}, not {code}")
    cls, offset, values = _CLASSES[Opcode(code)], 4, {}
    for name, width, signed in fields_of(cls):
        value = (word >> offset) & ((1 << width) - 1)
        values[name] = value - (1 << width) if signed and value >> (width - 1) else value
        offset += width
    return cls(**values)
