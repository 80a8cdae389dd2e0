"""Names of the words that the microprogram keeps."""

import enum
from typing import Self

from hw.micro.register_file import FIRST_LOCAL, file_index
from spec.isa import Destination, ParamMode, SecondStage, Stats, SweepKind

__all__ = ["Gemm", "Host", "Record", "Row", "Word", "bit_word"]


class Host(enum.IntEnum):
    """Words of the register file that the host sees: the low halves of registers, each with its high half behind it."""

    PROGRAM_ADDR = file_index("PROGRAM_ADDR")
    PROGRAM_LENGTH = file_index("PROGRAM_LENGTH")
    ERROR_CODE = file_index("ERROR_CODE")
    ERROR_INDEX = file_index("ERROR_INDEX")
    ERROR_ADDR = file_index("ERROR_ADDR")
    INSTRUCTIONS = file_index("instructions")


class Word(enum.IntEnum):
    """Local variables, in the register file, with the number of their words; of a pair, the low half comes first."""

    size: int

    def __new__(cls, size: int) -> Self:
        last = max(cls, default=None)
        word = int.__new__(cls, FIRST_LOCAL if last is None else last + last.size)
        word._value_, word.size = int(word), size
        return word

    OPCODE = 1
    WAIT = 3  # from each engine
    SIGNAL = 3  # to each engine

    # Fields of the instruction, in the order of a DRAIN; a SWEEP has its kind in the place of the destination's.
    M = 1
    N = 1
    KIND = 2  # a bit in each word
    DEST = 2
    DEST_STRIDE = 1
    PARAM_MODE = 2  # a bit in each word
    PARAM = 1
    PRE_SHIFT = 1
    SHIFT = 1
    ROW_SCALE = 1
    SECOND_STAGE = 2  # a bit in each word
    SECOND_SHIFT = 1
    VECTOR = 2
    VECTOR_STRIDE = 1
    TABLE_ENABLE = 1
    TABLE = 2  # a bit in each word
    CLIP_LOW = 1
    CLIP_HIGH = 1
    STATISTICS = 2  # a bit in each word
    STATS_FIRST = 1
    STATS_LAST = 1
    STATS = 1
    ROW_LENGTH = 1
    LANE = 1
    BYTE = 1

    # Of a GEMM, a LOAD and a STREAM.
    GEMM = 16  # as in its queue
    TARGET = 1
    ADDR = 2
    COUNT = 2
    MEM_ADDR = 2

    # Checks and tokens.
    FIRST = 2  # of the operand that is checked
    ENGINE = 1  # counter of tokens from LOAD to this instruction's engine
    GIVEN = 1  # counter of those from it to LOAD

    # A transfer from memory.
    BURST_ADDR = 2  # of the next burst
    BURST_LEFT = 1  # words
    BURST_FIRST = 2  # address of the burst under way
    BEATS = 1
    OF_STREAM = 1  # it is for the present STREAM

    # What is zero after a soft reset: counters of tokens, first those from LOAD; sums that are full; queues.
    TOKENS = 9
    FULL_BANKS = 1
    FILL_ROW = 1  # first row of the bank that the next tile fills
    DRAIN_ROW = 1  # of the one that is drained next
    GEMMS = 1
    STREAMS = 1
    STREAM_LEFT = 2  # words of the present STREAM
    STREAMED = 2  # words of all STREAMs
    GEMM_IN = 1
    GEMM_OUT = 1
    STREAM_IN = 1
    STREAM_OUT = 1

    # The present STREAM, in the order in which others wait; its words are in STREAM_LEFT.
    STREAM_ADDR = 2
    STREAM_INDEX = 2

    # A tile of a GEMM.
    TILE_LEFT = 1  # words of weights
    TILE_ROWS = 1
    TILE_COLUMNS = 1
    TILE_EMPTY = 1  # columns beyond N
    TILE_STRIDE = 1
    TILE_BACK = 1  # from one column of B to that before it
    TILE_MODE = 1
    TILE_PLACE = 2  # words of A and B

    # DRAIN and SWEEP.
    MODE = 1
    SECOND = 1  # as SHIFT takes it, as are PRE and MAIN
    TILE_N = 1  # columns of this tile
    TILE_DEST = 1
    TILE_VECTOR = 1
    TILE_PARAM = 1
    STEP = 1  # of the destination, from row to row
    ROWS_LEFT = 1  # after this one
    ROW_DEST = 1
    ROW_VECTOR = 1
    ROW_PARAM = 1
    ROW_STATS = 1
    FRESH = 1  # rows' statistics start with this tile
    MUL = 2  # from here to PRE_MEAN as in a row
    PRE = 1
    MAIN = 1
    MEAN = 3
    PRE_MEAN = 1
    VALUE = 2
    SUM = 2
    SQUARES = 3
    NUMBER = 2
    ROOT = 2
    NEGATIVE = 1

    # What START takes of the host's registers.
    PROGRAM_ADDR = 2
    PROGRAM_LENGTH = 2


class Gemm(enum.IntEnum):
    """Words of a GEMM in its queue."""

    M = 0
    N = 1  # columns that are left
    K = 2
    A = 3  # pair
    A_STRIDE = 5
    UNSIGNED = 6
    B_SCRATCHPAD = 7
    B = 8  # pair
    B_STRIDE = 10
    CLEAR = 11
    RELEASE = 12
    SIGNAL = 13  # 3


class Record(enum.IntEnum):
    """Words of a parameter record: pairs."""

    BIAS = 0
    MUL = 2
    MUL2 = 4


class Row(enum.IntEnum):
    """Words of a row, in the order in which they are kept as local variables: A and B, and from MUL on."""

    A = 0  # pair
    B = 2  # three words
    MUL = 5  # pair
    PRE = 7
    MAIN = 8
    MEAN = 9  # its negative: 8 bits behind the point, and a pair
    PRE_MEAN = 12  # PRE, less the 8 bits


_ENUMERATIONS: dict[type[enum.IntEnum], Word] = {
    Destination: Word.KIND,
    ParamMode: Word.PARAM_MODE,
    SecondStage: Word.SECOND_STAGE,
    Stats: Word.STATISTICS,
    SweepKind: Word.KIND,
}
"""Where the bits of fields are that have values with names."""


def bit_word(*values: enum.IntEnum) -> int:
    """Return the word that is 1 for these values of a field, and 0 for all others that it may have.

    Raises
    ------
    ValueError
        If no bit of the field tells them from the others.
    """
    kind = type(values[0])
    for bit in range(_ENUMERATIONS[kind].size):
        if {value for value in kind if value >> bit & 1} == set(values):
            return _ENUMERATIONS[kind] + bit
    raise ValueError(
        f"{' and '.join(value.name for value in values)} must have a bit that no other {kind.__name__} has"
    )
