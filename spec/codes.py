"""The limits of numbers that instructions clip to, and of those that the host prepares."""

from spec.isa import TABLE_ENTRIES

__all__ = ["CODE", "INDEX", "INT16", "SUM_BYTES"]

CODE = 127
"""Greatest code of a signed operand; codes are symmetric: -128 is not used."""

INDEX = TABLE_ENTRIES - 1
"""Greatest index of a table."""

INT16 = (1 << 15) - 1
"""Greatest value of the vector memory; the least is ``-INT16 - 1``."""

SUM_BYTES = 4
"""Of an int32 sum in memory."""
