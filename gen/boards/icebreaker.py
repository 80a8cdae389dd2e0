"""Bitstream of the iCEBreaker."""

import importlib
from typing import Any

from gen.boards.board_design import BoardDesign
from gen.flow.ice40 import ICE40
from hw.boards.icebreaker import IceBreaker
from spec.boards import BOARDS

__all__ = ["ICEBREAKER_DESIGN"]


def _platform() -> Any:
    """Make the platform; its package is imported when a bitstream is made, since nothing else needs it.

    Components know the family by the name that the target of out-of-context synthesis gives it.
    """
    original = importlib.import_module("amaranth_boards.icebreaker").ICEBreakerPlatform
    return type(original.__name__, (original,), {"family": ICE40.name})()


ICEBREAKER_DESIGN = BoardDesign.of(BOARDS["icebreaker"], platform=_platform, top=IceBreaker, family=ICE40)
