"""Boards take what their committed reports say."""

import importlib.util
from pathlib import Path

import pytest

from bench.boards import load_boards
from gen.boards import BOARDS
from gen.boards.ecp5_flow import synthesize_for_ecp5
from gen.ecp5 import Area


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
@pytest.mark.parametrize("name", sorted(load_boards().keys() & {"ulx3s_25f", "ulx3s_45f"}))
def test_cells_are_those_of_the_committed_report(name: str, tmp_path: Path) -> None:
    board = BOARDS[name]
    area = synthesize_for_ecp5(board, board.platform(), tmp_path, lambda _stage: None)
    assert area == Area(**load_boards()[name]["cells"])
