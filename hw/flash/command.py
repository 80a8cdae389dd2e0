"""Commands of a flash, and bytes that follow them."""

from enum import IntEnum

__all__ = ["CONTINUE", "DUMMY_CLOCKS", "QUAD_ENABLE", "Command"]


class Command(IntEnum):
    """First byte after selection: one bit a clock, the highest first, on the lowest data wire."""

    WRITE_STATUS_2 = 0x31
    """A byte follows in the same way: the second status register."""
    VOLATILE_WRITE_ENABLE = 0x50
    """The status register that is written next keeps its old value for the next power-up."""
    RELEASE_POWER_DOWN = 0xAB
    """Alone; nothing else is understood while powered down."""
    READ_QUAD = 0xEB
    """On all four wires: three bytes of address, one of mode, dummy clocks, and then data until deselection."""
    NONE = 0xFF
    """Means nothing; on all wires it is an address and a mode after which reads need their command again."""


QUAD_ENABLE = 0x02
"""Second status register with nothing set but the bit that enables the third and the fourth data wire."""

CONTINUE = 0xA0
"""Mode after which the next selection begins with an address."""

DUMMY_CLOCKS = 4
"""Clocks between the mode and the one in which data are sampled first."""
