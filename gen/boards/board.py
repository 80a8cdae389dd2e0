"""What is known of a board before anything is built for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gen.boards.report import Report
from hw.config import AcceleratorConfig
from hw.flash.chip import FlashChip
from hw.sdram.chip import SdramChip

__all__ = ["Board", "Flow"]


class Flow(Protocol):
    """Makes bitstreams for one family of FPGAs."""

    def __call__(self, board: "Board", directory: Any, tell: Callable[[str], None]) -> Report:
        """Synthesize, place and route; see :func:`gen.boards.build.build_bitstream`."""
        ...


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
    platform : callable
        Makes the Amaranth platform with its pins.
    design : callable
        Makes the top of the design from the board.
    flow : Flow
        Makes the bitstream.
    seed : int
        Of the placer.
    loader : str
        Name of the board in openFPGALoader.
    suffix : str
        Of the bitstream's file, by which the loader knows what it is.
    memories : Path, optional
        File with the places of the design's block memories; without it each build finds them again.
    """

    name: str
    title: str
    config: AcceleratorConfig
    clocks: dict[str, float]
    baud: int
    chip: SdramChip | FlashChip
    platform: Callable[[], Any]
    design: Callable[["Board"], Any]
    flow: Flow
    seed: int = 1
    loader: str
    suffix: str = ".bit"
    memories: Path | None = None
