"""What makes a board's bitstream."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from gen.boards.report import Report
from spec.boards import Board

__all__ = ["BoardDesign", "Flow"]


class Flow(Protocol):
    """Makes bitstreams for one family of FPGAs."""

    def __call__(self, board: "BoardDesign", directory: Any, tell: Callable[[str], None]) -> Report:
        """Synthesize, place and route; see :func:`gen.boards.build.build_bitstream`."""
        ...


@dataclass(frozen=True, kw_only=True)
class BoardDesign(Board):
    """A board, and how its design becomes a bitstream.

    Parameters
    ----------
    platform : callable
        Makes the Amaranth platform with its pins.
    top : callable
        Makes the top of the design from the board.
    flow : Flow
        Makes the bitstream.
    seed : int
        Of the placer.
    suffix : str
        Of the bitstream's file, by which the loader knows what it is.
    memories : Path, optional
        File with the places of the design's block memories; without it each build finds them again.
    """

    platform: Callable[[], Any]
    top: Callable[[Board], Any]
    flow: Flow
    seed: int = 1
    suffix: str = ".bit"
    memories: Path | None = None

    @classmethod
    def of(cls, board: Board, **how: Any) -> Self:
        """Return the design of a board; other arguments as for the class."""
        return cls(**vars(board), **how)
