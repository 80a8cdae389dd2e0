"""What is on a board with an SDRAM, with a model of the chip."""

from collections.abc import Mapping

from hw.sdram.pins import WORD_BYTES
from hw.system.sdram_system import SdramSystem
from sim.board.chip_board import ChipBoard
from sim.chips.sdram import SdramModel
from sim.chips.sdram_rule import SdramRule
from spec.config import AcceleratorConfig
from spec.sdram_chip import SdramChip

__all__ = ["SdramBoard"]


class SdramBoard(ChipBoard):
    """A system for boards and its SDRAM, on the clock domains ``sync`` and ``sdram``.

    Parameters
    ----------
    config : AcceleratorConfig
    chip : SdramChip
    clocks : dict of str to float
        Frequencies of the two domains.
    baud : float
        Bits in a second of the serial line.
    real : SdramChip, optional
        What is on the board, if that is another chip than the controller is made for.
    """

    domains = ("sync", "sdram")
    rules = SdramRule
    word_bytes = WORD_BYTES

    def __init__(
        self,
        config: AcceleratorConfig,
        chip: SdramChip,
        *,
        clocks: Mapping[str, float],
        baud: float,
        real: SdramChip | None = None,
    ) -> None:
        system = SdramSystem(config, chip, clock_hz=clocks["sync"], sdram_hz=clocks["sdram"], baud=baud)
        super().__init__(system, SdramModel(real or chip, clocks["sdram"]))
