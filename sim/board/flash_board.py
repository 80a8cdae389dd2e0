"""What is on a board with a flash, with a model of the chip."""

from collections.abc import Mapping

from hw.system.flash_system import FlashSystem
from sim.board.chip_board import ChipBoard
from sim.chips.flash import FlashModel
from sim.chips.flash_rule import FlashRule
from spec.config import AcceleratorConfig
from spec.flash_chip import FlashChip

__all__ = ["FlashBoard"]


class FlashBoard(ChipBoard):
    """A system for boards and its flash, on the clock domain ``sync``.

    Parameters
    ----------
    config : AcceleratorConfig
    chip : FlashChip
    clocks : dict of str to float
        Frequency of the domain.
    baud : float
        Bits in a second of the serial line.
    real : FlashChip, optional
        What is on the board, if that is another chip than the controller is made for.
    """

    domains = ("sync",)
    rules = FlashRule
    word_bytes = 1

    def __init__(
        self,
        config: AcceleratorConfig,
        chip: FlashChip,
        *,
        clocks: Mapping[str, float],
        baud: float,
        real: FlashChip | None = None,
    ) -> None:
        system = FlashSystem(config, chip, clock_hz=clocks["sync"], baud=baud)
        super().__init__(system, FlashModel(real or chip, clocks["sync"]))
