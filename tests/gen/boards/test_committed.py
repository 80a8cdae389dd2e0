"""Boards take what their committed reports say."""

import importlib.util
from pathlib import Path

import pytest

from bench.boards import load_boards
from gen.boards import DESIGNS
from gen.boards.ecp5_flow import synthesize_for_ecp5
from gen.boards.ice40_flow import synthesize_for_ice40
from gen.flow import ecp5, ice40


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
@pytest.mark.parametrize("name", sorted(load_boards().keys() & {"icebreaker", "ulx3s_25f", "ulx3s_45f"}))
def test_cells_are_those_of_the_committed_report(name: str, tmp_path: Path) -> None:
    board = DESIGNS[name]
    ice = board.memory_map is not None
    synthesize, area = (synthesize_for_ice40, ice40.Area) if ice else (synthesize_for_ecp5, ecp5.Area)
    made = synthesize(board, board.platform(), tmp_path, lambda _stage: None)
    assert made == area(**load_boards()[name]["cells"])
