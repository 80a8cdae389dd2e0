"""The wires between controller and chip."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ADDRESS_BITS", "AUTO_PRECHARGE_BIT", "WORD_BITS", "WORD_BYTES", "SdramPins"]

ADDRESS_BITS = 13
"""Width of the address that rows and columns share."""

AUTO_PRECHARGE_BIT = 10
"""Bit of the address that means all banks in a PRECHARGE and auto-precharge in a column command."""

WORD_BYTES = 2
"""Bytes of a word, each with its mask."""

WORD_BITS = 8 * WORD_BYTES
"""Data wires."""


class SdramPins(wiring.Signature):
    """Wires of a 16-bit SDRAM, seen from the controller; the data wires as output, output enable and input.

    Members carry the data sheet's names; those that end in ``_n`` are active low.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "cke": Out(1),
                "cs_n": Out(1, init=1),
                "ras_n": Out(1, init=1),
                "cas_n": Out(1, init=1),
                "we_n": Out(1, init=1),
                "a": Out(ADDRESS_BITS),
                "ba": Out(2),
                "dqm": Out(WORD_BYTES, init=-1 % (1 << WORD_BYTES)),
                "dq_o": Out(WORD_BITS),
                "dq_oe": Out(1),
                "dq_i": In(WORD_BITS),
            }
        )
