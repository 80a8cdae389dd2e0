"""The memories that instructions name, and the words in which they are addressed."""

import enum
from dataclasses import dataclass

from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES
from spec.param_record import RECORD_BYTES

__all__ = ["TABLE_GROUP", "TABLE_GROUPS", "Memory", "Word"]


@dataclass(frozen=True)
class Word:
    """Values that stand side by side: ``count`` of them, a number or a field of the configuration."""

    count: str | int
    value_bytes: int

    def values(self, config: AcceleratorConfig) -> int:
        """Return how many values it holds."""
        return getattr(config, self.count) if isinstance(self.count, str) else self.count

    def nbytes(self, config: AcceleratorConfig) -> int:
        """Return its bytes in memory."""
        return self.values(config) * self.value_bytes


TABLE_GROUP = Word(8, 1)
"""What a LOAD of a table counts."""

TABLE_GROUPS = TABLE_ENTRIES // 8
"""How many of them a table has."""


class Memory(enum.Enum):
    """A memory in which operands are; its value is what documents call it."""

    SCRATCHPAD = "scratchpad"
    VECTOR = "vector memory"
    PARAMS = "params"
    TABLES = "tables"
    STATISTICS = "statistics"
    MAIN = "memory"

    @property
    def word(self) -> Word:
        """What an address stands for; of the statistics, those of a row."""
        return _WORDS[self]

    def size(self, config: AcceleratorConfig) -> int:
        """Return how many addresses there are."""
        return {
            Memory.SCRATCHPAD: config.scratchpad_words,
            Memory.VECTOR: config.vector_words,
            Memory.PARAMS: config.param_words,
            Memory.TABLES: config.tables * TABLE_GROUPS,
            Memory.STATISTICS: config.acc_depth,
            Memory.MAIN: 1 << 32,
        }[self]


_WORDS = {
    Memory.SCRATCHPAD: Word("rows", 1),
    Memory.VECTOR: Word("lanes", 2),
    Memory.PARAMS: Word("lanes", RECORD_BYTES),
    Memory.TABLES: TABLE_GROUP,
    Memory.STATISTICS: Word(1, 1),
    Memory.MAIN: Word(1, 1),
}
