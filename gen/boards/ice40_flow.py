"""Bitstreams for iCE40 boards."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gen.boards.board_design import BoardDesign
from gen.boards.report import Clock, Report, Resource
from gen.flow.ice40 import CONSTRAINTS, LOGIC_CELLS, Area, pack, place_and_route, synthesize_rtlil

__all__ = ["build_for_ice40", "synthesize_for_ice40"]

_RESOURCES = {
    "luts": "ICESTORM_LC",
    "dsps": "ICESTORM_DSP",
    "rams": "ICESTORM_RAM",
    "large_rams": "ICESTORM_SPRAM",
}


def build_for_ice40(board: BoardDesign, directory: Path, tell: Callable[[str], None]) -> Report:
    """Make ``<board>.bin``; as :func:`gen.boards.build.build_bitstream`, without judging the timing."""
    area = synthesize_for_ice40(board, board.platform(), directory, tell)
    if area.logic_cells > LOGIC_CELLS:
        raise RuntimeError(f"{board.name} does not fit: it takes {area.logic_cells:,} of {LOGIC_CELLS:,} logic cells")
    tell("placing and routing")
    (hertz,) = board.clocks.values()
    timing = place_and_route(directory, seed=board.seed, target_mhz=hertz / 1e6)
    tell("packing the bitstream")
    bitstream = f"{board.name}{board.suffix}"
    pack(directory, bitstream)
    routed = json.loads((directory / f"report_{board.seed}.json").read_text())
    return Report(
        board=board.name,
        array=f"{board.config.rows}x{board.config.cols}",
        clocks={name: Clock(asked_mhz=hertz / 1e6, fmax_mhz=round(timing.fmax, 2)) for name in board.clocks},
        resources={
            "ffs": Resource(used=area.ff, available=LOGIC_CELLS),
            **{name: Resource(**routed["utilization"][cell]) for name, cell in _RESOURCES.items()},
        },
        cells=asdict(area),
        seed=board.seed,
        bitstream=bitstream,
    )


def synthesize_for_ice40(board: BoardDesign, platform: Any, directory: Path, tell: Callable[[str], None]) -> Area:
    """Make the netlist and the constraints of its pins; return what it takes."""
    tell("elaborating")
    plan = platform.prepare(board.top(board), "top")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONSTRAINTS).write_text(plan.files["top.pcf"])
    tell("synthesizing")
    return synthesize_rtlil(plan.files["top.il"], directory)
