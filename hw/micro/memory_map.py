"""Where things are in the memory of the micro core."""

from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES
from spec.liveness import MOST_STREAMS

__all__ = ["GEMM_WORDS", "RECORD_WORDS", "ROW_WORDS", "STREAM_WORDS", "TABLE_WORDS", "MemoryMap"]

RECORD_WORDS = 8
"""Words of 16 bits from one parameter record to the next: bias, mul, mul2, low and high half of each."""

ROW_WORDS = 16
"""From one row to the next: ``a`` (2), ``b`` (3); ``mul`` (2), ``pre_shift``, ``shift``, ``mean`` (3) and the
``pre_shift`` of what it is subtracted from."""

TABLE_WORDS = TABLE_ENTRIES // 2
"""Of one table: two entries in a word."""

GEMM_WORDS = 16
"""Of a GEMM that is not complete."""

STREAM_WORDS = 8
"""Of a STREAM that waits for the one before it."""


class MemoryMap:
    """Addresses of 16-bit words.

    Parameters
    ----------
    config : AcceleratorConfig

    Attributes
    ----------
    records, rows, gemms, streams, tables : int
        First words. The vector memory comes first of all; tables begin at a multiple of their size.
    gemms_end, streams_end : int
        Behind the last words of the two queues.
    depth : int
        Words altogether.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self.records = config.vector_words
        self.rows = _align(self.records + config.param_words * RECORD_WORDS, ROW_WORDS)
        self.gemms = self.rows + config.acc_depth * ROW_WORDS
        self.gemms_end = self.gemms + (config.queue_depth + 1) * GEMM_WORDS
        self.streams = self.gemms_end
        self.streams_end = self.streams + MOST_STREAMS * STREAM_WORDS
        self.tables = _align(self.streams_end, TABLE_WORDS << (config.tables - 1).bit_length())
        self.depth = self.tables + config.tables * TABLE_WORDS


def _align(value: int, unit: int) -> int:
    return -(-value // unit) * unit
