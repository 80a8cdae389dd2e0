"""Commands of an SDRAM."""

from enum import IntEnum

__all__ = ["Command"]


class Command(IntEnum):
    """``ras_n``, ``cas_n`` and ``we_n``, the first in the highest bit, while ``cs_n`` is low."""

    MODE = 0b000
    REFRESH = 0b001
    PRECHARGE = 0b010
    ACTIVATE = 0b011
    WRITE = 0b100
    READ = 0b101
    STOP = 0b110
    NOP = 0b111
