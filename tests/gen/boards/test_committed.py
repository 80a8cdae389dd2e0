"""Boards take what their committed reports say."""

import importlib.util
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.boards import load_boards
from gen.boards import DESIGNS
from gen.boards.flow import synthesize_board


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
@pytest.mark.parametrize("name", sorted(load_boards().keys() & {"icebreaker", "ulx3s_25f", "ulx3s_45f"}))
def test_cells_are_those_of_the_committed_report(name: str, tmp_path: Path) -> None:
    board = DESIGNS[name]
    made = synthesize_board(board, board.platform(), tmp_path, lambda _stage: None)
    assert asdict(made) == load_boards()[name]["cells"]
