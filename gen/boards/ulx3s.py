"""Bitstreams of the ULX3S boards."""

import importlib
from functools import partial
from pathlib import Path
from typing import Any

from gen.boards.board_design import BoardDesign
from gen.flow.ecp5 import ECP5
from hw.boards.ulx3s import Ulx3s
from spec.boards import BOARDS

__all__ = ["ULX3S_DESIGNS"]

_FOLDER = Path(__file__).parent


def _platform(size: str) -> Any:
    """Make the platform; its package is imported when a bitstream is made, since nothing else needs it."""
    return getattr(importlib.import_module("amaranth_boards.ulx3s"), f"ULX3S_{size.upper()}_Platform")()


def _design(size: str, **more: Any) -> BoardDesign:
    board = BOARDS[f"ulx3s_{size}"]
    return BoardDesign.of(board, platform=partial(_platform, size), top=Ulx3s, family=ECP5, **more)


ULX3S_DESIGNS = (
    _design("85f", memories=_FOLDER / "ulx3s_85f_memories.json"),
    _design("45f"),
    _design("25f", memories=_FOLDER / "ulx3s_25f_memories.json"),
    _design("12f", memories=_FOLDER / "ulx3s_25f_memories.json"),
)
"""One for each size of the FPGA."""
