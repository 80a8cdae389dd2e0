"""The wires between controller and chip."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WIRES", "FlashPins"]

WIRES = 4
"""Data wires."""


class FlashPins(wiring.Signature):
    """Wires of a flash, seen from the controller; the data wires as output, output enable and input.

    The chip is selected while ``cs_n`` is low. ``sck_en`` stands for its clock. At the full rate it is high in cycles
    in whose second half the clock is: it goes to a DDR output that is low in the first half and takes ``sck_en`` in the
    middle of the same cycle, as an SB_IO does with ``D_OUT_1``. At half the rate it is the wire itself. The other wires
    go to and from their pins without further registers; `hw.flash.pads.FlashPads` does all that.
    """

    def __init__(self) -> None:
        super().__init__(
            {"cs_n": Out(1, init=1), "sck_en": Out(1), "io_o": Out(WIRES), "io_oe": Out(1), "io_i": In(WIRES)},
        )
