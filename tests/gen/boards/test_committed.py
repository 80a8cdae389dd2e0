"""The smallest board takes what its committed report says."""

import importlib.util
from pathlib import Path

import pytest

from bench.boards import load_boards
from gen.boards import BOARDS
from gen.boards.ecp5_flow import synthesize_for_ecp5
from gen.ecp5 import Area

BOARD = BOARDS["ulx3s_45f"]


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
def test_cells_are_those_of_the_committed_report(tmp_path: Path) -> None:
    area = synthesize_for_ecp5(BOARD, BOARD.platform(), tmp_path, lambda _stage: None)
    assert area == Area(**load_boards()[BOARD.name]["cells"])
