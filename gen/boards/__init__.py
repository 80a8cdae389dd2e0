"""Bitstreams of FPGA boards."""

from gen.boards.board_design import BoardDesign
from gen.boards.icebreaker import ICEBREAKER_DESIGN
from gen.boards.ulx3s import ULX3S_DESIGNS

__all__ = ["DESIGNS", "BoardDesign"]

DESIGNS: dict[str, BoardDesign] = {design.name: design for design in (*ULX3S_DESIGNS, ICEBREAKER_DESIGN)}
"""Designs by the names of their boards."""
