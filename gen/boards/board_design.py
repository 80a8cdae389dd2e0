"""What makes a board's bitstream."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gen.flow.family import Family
from spec.boards import Board

__all__ = ["BoardDesign"]


@dataclass(frozen=True, kw_only=True)
class BoardDesign(Board):
    """A board, and how its design becomes a bitstream.

    Parameters
    ----------
    platform : callable
        Makes the Amaranth platform with its pins.
    top : callable
        Makes the top of the design from the board.
    family : Family
        Of the FPGA.
    seed : int
        Of the placer.
    memories : Path, optional
        File with the places of the design's block memories; without it each build finds them again.
    """

    platform: Callable[[], Any]
    top: Callable[[Board], Any]
    family: Family[Any]
    seed: int = 1
    memories: Path | None = None

    @property
    def bitstream(self) -> str:
        """Name of its file."""
        return f"{self.name}{self.family.bitstream_suffix}"

    @classmethod
    def of(cls, board: Board, **how: Any) -> Self:
        """Return the design of a board; other arguments as for the class."""
        return cls(**vars(board), **how)
