"""Bitstream of the iCEBreaker."""

import importlib
from typing import Any

from gen.boards.board_design import BoardDesign
from gen.boards.ice40_flow import build_for_ice40
from gen.flow.ice40 import Target
from hw.boards.icebreaker import IceBreaker
from spec.boards import BOARDS

__all__ = ["ICEBREAKER_DESIGN"]


def _platform() -> Any:
    """Make the platform; its package is imported when a bitstream is made, since nothing else needs it.

    Components know the family by the name that the target of out-of-context synthesis gives it.
    """
    original = importlib.import_module("amaranth_boards.icebreaker").ICEBreakerPlatform
    return type(original.__name__, (original,), {"family": Target.family})()


ICEBREAKER_DESIGN = BoardDesign.of(
    BOARDS["icebreaker"], platform=_platform, top=IceBreaker, flow=build_for_ice40, suffix=".bin"
)
