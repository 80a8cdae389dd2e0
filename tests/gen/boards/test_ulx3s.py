"""What is said of the ULX3S boards agrees with their crystal and their FPGAs."""

import importlib.util

import pytest
from amaranth.back import rtlil

from gen.boards import BoardDesign
from gen.boards.ulx3s import ULX3S_DESIGNS
from hw.boards.ecp5_pll import Ecp5Pll

CRYSTAL_HZ = 25e6

boards = pytest.mark.parametrize("board", ULX3S_DESIGNS, ids=lambda board: board.name)


@boards
def test_clocks_can_be_made(board: BoardDesign) -> None:
    rtlil.convert(Ecp5Pll(CRYSTAL_HZ, tuple(board.clocks.values())))


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
@boards
def test_fpga_is_that_of_the_name(board: BoardDesign) -> None:
    assert board.platform().device == f"LFE5U-{board.name.removeprefix('ulx3s_').upper()}"
