"""Names of the words that the microprogram keeps."""

import enum

from hw.micro.register_file import FIRST_LOCAL, file_index

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
    WAIT = FIRST_LOCAL + 1  # 3, from each engine
    SIGNAL = FIRST_LOCAL + 4  # 3, to each engine

    # Fields of the instruction, in the order of a DRAIN; a SWEEP has its kind in the place of the destination's.
    M = FIRST_LOCAL + 7
    N = FIRST_LOCAL + 8
    KIND = FIRST_LOCAL + 9  # 2 bits, each in a word
    DEST = FIRST_LOCAL + 11  # pair
    DEST_STRIDE = FIRST_LOCAL + 13
    ROW_RECORDS = FIRST_LOCAL + 14
    FIXED_RECORD = FIRST_LOCAL + 15
    PARAM = FIRST_LOCAL + 16
    PRE_SHIFT = FIRST_LOCAL + 17
    SHIFT = FIRST_LOCAL + 18
    ROW_SCALE = FIRST_LOCAL + 19
    RESIDUAL = FIRST_LOCAL + 20
    SCALE = FIRST_LOCAL + 21
    SECOND_SHIFT = FIRST_LOCAL + 22
    VECTOR = FIRST_LOCAL + 23  # pair
    VECTOR_STRIDE = FIRST_LOCAL + 25
    TABLE_ENABLE = FIRST_LOCAL + 26
    TABLE = FIRST_LOCAL + 27  # 2 bits, each in a word
    CLIP_LOW = FIRST_LOCAL + 29
    CLIP_HIGH = FIRST_LOCAL + 30
    MAXIMUM = FIRST_LOCAL + 31
    MOMENTS = FIRST_LOCAL + 32
    STATS_FIRST = FIRST_LOCAL + 33
    STATS_LAST = FIRST_LOCAL + 34
    STATS = FIRST_LOCAL + 35
    ROW_LENGTH = FIRST_LOCAL + 36
    LANE = FIRST_LOCAL + 37
    BYTE = FIRST_LOCAL + 38

    # Of a GEMM, a LOAD and a STREAM.
    GEMM = FIRST_LOCAL + 39  # 16, as in its queue
    TARGET = FIRST_LOCAL + 55
    ADDR = FIRST_LOCAL + 56  # pair
    COUNT = FIRST_LOCAL + 58  # pair
    MEM_ADDR = FIRST_LOCAL + 60  # pair

    # Checks and tokens.
    FIRST = FIRST_LOCAL + 62  # pair: of the operand that is checked
    ENGINE = FIRST_LOCAL + 64  # counter of tokens from LOAD to this instruction's engine
    GIVEN = FIRST_LOCAL + 65  # counter of those from it to LOAD

    # A transfer from memory.
    BURST_ADDR = FIRST_LOCAL + 66  # pair: of the next burst
    BURST_LEFT = FIRST_LOCAL + 68  # words
    BURST_FIRST = FIRST_LOCAL + 69  # pair: address of the burst under way
    BEATS = FIRST_LOCAL + 71
    OF_STREAM = FIRST_LOCAL + 72  # it is for the present STREAM

    # What is zero after a soft reset: counters of tokens, first those from LOAD; sums that are full; queues.
    TOKENS = FIRST_LOCAL + 73  # 9
    FULL_BANKS = FIRST_LOCAL + 82
    FILL_ROW = FIRST_LOCAL + 83  # first row of the bank that the next tile fills
    DRAIN_ROW = FIRST_LOCAL + 84  # of the one that is drained next
    GEMMS = FIRST_LOCAL + 85
    STREAMS = FIRST_LOCAL + 86
    STREAM_LEFT = FIRST_LOCAL + 87  # pair: words of the present STREAM
    STREAMED = FIRST_LOCAL + 89  # pair: words of all STREAMs
    GEMM_IN = FIRST_LOCAL + 91
    GEMM_OUT = FIRST_LOCAL + 92
    STREAM_IN = FIRST_LOCAL + 93
    STREAM_OUT = FIRST_LOCAL + 94

    # The present STREAM, in the order in which others wait; its words are in STREAM_LEFT.
    STREAM_ADDR = FIRST_LOCAL + 95  # pair
    STREAM_INDEX = FIRST_LOCAL + 97  # pair

    # A tile of a GEMM.
    TILE_LEFT = FIRST_LOCAL + 99  # words of weights
    TILE_ROWS = FIRST_LOCAL + 100
    TILE_COLUMNS = FIRST_LOCAL + 101
    TILE_EMPTY = FIRST_LOCAL + 102  # columns beyond N
    TILE_STRIDE = FIRST_LOCAL + 103
    TILE_BACK = FIRST_LOCAL + 104  # from one column of B to that before it
    TILE_MODE = FIRST_LOCAL + 105
    TILE_PLACE = FIRST_LOCAL + 106  # pair: words of A and B

    # DRAIN and SWEEP.
    MODE = FIRST_LOCAL + 108
    SECOND = FIRST_LOCAL + 109  # as SHIFT takes it, as are PRE and MAIN
    TILE_N = FIRST_LOCAL + 110  # columns of this tile
    TILE_DEST = FIRST_LOCAL + 111
    TILE_VECTOR = FIRST_LOCAL + 112
    TILE_PARAM = FIRST_LOCAL + 113
    STEP = FIRST_LOCAL + 114  # of the destination, from row to row
    ROWS_LEFT = FIRST_LOCAL + 115  # after this one
    ROW_DEST = FIRST_LOCAL + 116
    ROW_VECTOR = FIRST_LOCAL + 117
    ROW_PARAM = FIRST_LOCAL + 118
    ROW_STATS = FIRST_LOCAL + 119
    FRESH = FIRST_LOCAL + 120  # rows' statistics start with this tile
    MUL = FIRST_LOCAL + 121  # pair; from here to PRE_MEAN as in a row
    PRE = FIRST_LOCAL + 123
    MAIN = FIRST_LOCAL + 124
    MEAN = FIRST_LOCAL + 125  # three words
    PRE_MEAN = FIRST_LOCAL + 128
    VALUE = FIRST_LOCAL + 129  # pair
    SUM = FIRST_LOCAL + 131  # pair
    SQUARES = FIRST_LOCAL + 133  # three words
    NUMBER = FIRST_LOCAL + 136  # pair
    ROOT = FIRST_LOCAL + 138  # pair
    NEGATIVE = FIRST_LOCAL + 140

    # What START takes of the host's registers.
    PROGRAM_ADDR = FIRST_LOCAL + 141  # pair
    PROGRAM_LENGTH = FIRST_LOCAL + 143  # pair


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
