"""FPGA boards: what is put on each, and its bitstream."""

from gen.boards.board import Board
from gen.boards.icebreaker import ICEBREAKER
from gen.boards.ulx3s import ULX3S_BOARDS

__all__ = ["BOARDS", "Board"]

BOARDS: dict[str, Board] = {board.name: board for board in (*ULX3S_BOARDS, ICEBREAKER)}
"""Boards by name."""
