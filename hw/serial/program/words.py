"""Names of the words that the microprogram keeps."""

import enum

from hw.serial.register_file import FIRST_LOCAL, file_index

__all__ = ["Gemm", "Host", "Record", "Row", "Word"]


class Host(enum.IntEnum):
    """Words of the register file that the host sees: the low halves of registers, each with its high half behind it."""

    PROGRAM_ADDR = file_index("PROGRAM_ADDR")
    PROGRAM_LENGTH = file_index("PROGRAM_LENGTH")
    ERROR_CODE = file_index("ERROR_CODE")
    ERROR_INDEX = file_index("ERROR_INDEX")
    ERROR_ADDR = file_index("ERROR_ADDR")
    INSTRUCTIONS = file_index("instructions")


class Word(enum.IntEnum):
    """Local variables, in the register file; of a pair, the low half comes first and is named."""

    OPCODE = FIRST_LOCAL
    WAIT = enum.auto()  # 3, from each engine
    SIGNAL = WAIT + 3  # 3, to each engine

    # Fields of the instruction, in the order of a DRAIN; a SWEEP has its kind in the place of the destination's.
    M = SIGNAL + 3
    N = enum.auto()
    KIND = enum.auto()  # 2 bits, each in a word
    DEST = KIND + 2  # pair
    DEST_STRIDE = DEST + 2
    ROW_RECORDS = enum.auto()
    FIXED_RECORD = enum.auto()
    PARAM = enum.auto()
    PRE_SHIFT = enum.auto()
    SHIFT = enum.auto()
    ROW_SCALE = enum.auto()
    RESIDUAL = enum.auto()
    SCALE = enum.auto()
    SECOND_SHIFT = enum.auto()
    VECTOR = enum.auto()  # pair
    VECTOR_STRIDE = VECTOR + 2
    TABLE_ENABLE = enum.auto()
    TABLE = enum.auto()  # 2 bits, each in a word
    CLIP_LOW = TABLE + 2
    CLIP_HIGH = enum.auto()
    MAXIMUM = enum.auto()
    MOMENTS = enum.auto()
    STATS_FIRST = enum.auto()
    STATS_LAST = enum.auto()
    STATS = enum.auto()
    ROW_LENGTH = enum.auto()
    LANE = enum.auto()
    BYTE = enum.auto()

    # Of a GEMM, a LOAD and a STREAM.
    GEMM = enum.auto()  # 16, as in its queue
    TARGET = GEMM + 16
    ADDR = enum.auto()  # pair
    COUNT = ADDR + 2  # pair
    MEM_ADDR = COUNT + 2  # pair

    # Checks and tokens.
    FIRST = MEM_ADDR + 2  # pair: of the operand that is checked
    ENGINE = FIRST + 2  # counter of tokens from LOAD to this instruction's engine
    GIVEN = enum.auto()  # counter of those from it to LOAD

    # A transfer from memory.
    BURST_ADDR = enum.auto()  # pair: of the next burst
    BURST_LEFT = BURST_ADDR + 2  # words
    BURST_FIRST = enum.auto()  # pair: address of the burst under way
    BEATS = BURST_FIRST + 2
    OF_STREAM = enum.auto()  # it is for the present STREAM

    # What is zero after a soft reset: counters of tokens, first those from LOAD; sums that are full; queues.
    TOKENS = enum.auto()  # 9
    FULL_BANKS = TOKENS + 9
    FILL_ROW = enum.auto()  # first row of the bank that the next tile fills
    DRAIN_ROW = enum.auto()  # of the one that is drained next
    GEMMS = enum.auto()
    STREAMS = enum.auto()
    STREAM_LEFT = enum.auto()  # pair: words of the present STREAM
    STREAMED = STREAM_LEFT + 2  # pair: words of all STREAMs
    GEMM_IN = STREAMED + 2
    GEMM_OUT = enum.auto()
    STREAM_IN = enum.auto()
    STREAM_OUT = enum.auto()

    # The present STREAM, in the order in which others wait; its words are in STREAM_LEFT.
    STREAM_ADDR = enum.auto()  # pair
    STREAM_INDEX = STREAM_ADDR + 2  # pair

    # A tile of a GEMM.
    TILE_LEFT = STREAM_INDEX + 2  # words of weights
    TILE_ROWS = enum.auto()
    TILE_COLUMNS = enum.auto()
    TILE_EMPTY = enum.auto()  # columns beyond N
    TILE_STRIDE = enum.auto()
    TILE_BACK = enum.auto()  # from one column of B to that before it
    TILE_MODE = enum.auto()
    TILE_PLACE = enum.auto()  # pair: words of A and B

    # DRAIN and SWEEP.
    MODE = TILE_PLACE + 2
    PRE = enum.auto()  # shifts as SHIFT takes them
    MAIN = enum.auto()
    SECOND = enum.auto()
    TILE_N = enum.auto()  # columns of this tile
    TILE_DEST = enum.auto()
    TILE_VECTOR = enum.auto()
    TILE_PARAM = enum.auto()
    STEP = enum.auto()  # of the destination, from row to row
    ROWS_LEFT = enum.auto()  # after this one
    ROW_DEST = enum.auto()
    ROW_VECTOR = enum.auto()
    ROW_PARAM = enum.auto()
    ROW_STATS = enum.auto()
    FRESH = enum.auto()  # rows' statistics start with this tile
    MUL = enum.auto()  # pair
    MEAN = MUL + 2  # pair
    VALUE = MEAN + 2  # pair
    SUM = VALUE + 2  # pair
    SQUARES = SUM + 2  # three words
    NUMBER = SQUARES + 3  # pair
    ROOT = NUMBER + 2  # pair
    NEGATIVE = ROOT + 2


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
    MEAN = 9  # pair
