"""FPGA boards, as everything that has to do with one knows them."""

from dataclasses import dataclass

from spec.config import AcceleratorConfig
from spec.flash_chip import ICEBREAKER_FLASH, FlashChip
from spec.link import BAUD
from spec.memory_map import ICEBREAKER_MAP, MemoryMap
from spec.presets import PRESETS
from spec.sdram_chip import ULX3S_SDRAM, SdramChip

__all__ = ["BOARDS", "Board"]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board, and the accelerator that is put on it.

    Parameters
    ----------
    name : str
        As on the command line; also the preset of its configuration.
    title : str
        Name of the product.
    config : AcceleratorConfig
    clocks : dict of str to float
        Frequency of each clock domain in Hz.
    baud : int
        Of the serial port.
    chip : SdramChip or FlashChip
        Its memory.
    memory_map : MemoryMap, optional
        Where programs stand, if the memory is a flash and a RAM; else it is all RAM.
    loader : str
        Name of the board in openFPGALoader.
    """

    name: str
    title: str
    config: AcceleratorConfig
    clocks: dict[str, float]
    baud: int = BAUD
    chip: SdramChip | FlashChip
    memory_map: MemoryMap | None = None
    loader: str


def _ulx3s(size: str) -> Board:
    """Both clocks are whole fractions of one oscillator's frequency."""
    name = f"ulx3s_{size}"
    return Board(
        name=name,
        title=f"ULX3S {size.upper()}",
        config=PRESETS[name],
        clocks={"sync": 80e6, "sdram": 120e6},
        chip=ULX3S_SDRAM,
        loader="ulx3s",
    )


_ICEBREAKER = Board(
    name="icebreaker",
    title="iCEBreaker",
    config=PRESETS["icebreaker"],
    clocks={"sync": 21e6},  # a multiple of 3/8 MHz
    chip=ICEBREAKER_FLASH,
    memory_map=ICEBREAKER_MAP,
    loader="ice40_generic",
)

BOARDS: dict[str, Board] = {
    board.name: board for board in (*(_ulx3s(size) for size in ("85f", "45f", "25f", "12f")), _ICEBREAKER)
}
"""Boards by name."""
