"""Where things are in the memory of the serial post-processor."""

from hw.config import AcceleratorConfig
from hw.isa import TABLE_ENTRIES

__all__ = ["LOCALS", "RECORD_WORDS", "ROW_WORDS", "TABLE_WORDS", "MemoryMap"]

RECORD_WORDS = 8
"""Words of 16 bits from one parameter record to the next: bias, mul, mul2, low and high half of each."""

ROW_WORDS = 16
"""From one row to the next: ``a`` (2), ``b`` (3); ``mul`` (2), ``total`` (1), ``mean`` (2)."""

TABLE_WORDS = TABLE_ENTRIES // 2
"""Of one table: two entries in a word."""

LOCALS = 32
"""Local variables of the microprogram."""


class MemoryMap:
    """Addresses of 16-bit words.

    Parameters
    ----------
    config : AcceleratorConfig

    Attributes
    ----------
    tables, records, rows, locals : int
        First words. The vector memory comes first of all; all tables begin at a multiple of their size.
    depth : int
        Words altogether.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        table_words = TABLE_WORDS << (config.tables - 1).bit_length()
        self.tables = -(-config.vector_words // table_words) * table_words
        self.records = self.tables + table_words
        self.rows = self.records + config.param_words * RECORD_WORDS
        self.rows = -(-self.rows // ROW_WORDS) * ROW_WORDS
        self.locals = self.rows + config.acc_depth * ROW_WORDS
        self.locals = -(-self.locals // LOCALS) * LOCALS
        self.depth = self.locals + LOCALS
