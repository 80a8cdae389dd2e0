"""The way from a board's design to its bitstream."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gen.boards.board_design import BoardDesign
from gen.boards.report import Clock, Report, Resource
from gen.flow.synthesis import synthesize_rtlil

__all__ = ["make_bitstream", "synthesize_board"]


def make_bitstream(board: BoardDesign, directory: Path, tell: Callable[[str], None]) -> Report:
    """Make the bitstream; as :func:`gen.boards.build.build_bitstream`, without judging the timing."""
    family, platform = board.family, board.platform()
    area = synthesize_board(board, platform, directory, tell)
    if misfit := family.misfit(area):
        raise RuntimeError(f"{board.name} does not fit: {misfit}")
    tell("placing and routing")
    memories = json.loads(board.memories.read_text()) if board.memories else None
    fastest = max(board.clocks.values())
    family.place_for(platform, directory, seed=board.seed, target_mhz=fastest / 1e6, memories=memories)
    tell("packing the bitstream")
    family.pack(directory, board.bitstream)
    report = json.loads((directory / f"report_{board.seed}.json").read_text())
    clocks = {name: family.clock(report, hertz / 1e6) for name, hertz in board.clocks.items()}
    return Report(
        board=board.name,
        array=f"{board.config.rows}x{board.config.cols}",
        clocks={name: Clock(asked_mhz=asked, fmax_mhz=round(fmax, 2)) for name, (asked, fmax) in clocks.items()},
        resources={name: Resource(**cells) for name, cells in family.resources(report, area).items()},
        cells=asdict(area),
        seed=board.seed,
        bitstream=board.bitstream,
    )


def synthesize_board(board: BoardDesign, platform: Any, directory: Path, tell: Callable[[str], None]) -> Any:
    """Make the netlist and the constraints of its pins; return what it takes."""
    family = board.family
    tell("elaborating")
    plan = platform.prepare(board.top(board), "top")
    directory.mkdir(parents=True, exist_ok=True)
    constraints = plan.files[f"top{Path(family.constraints).suffix}"]
    (directory / family.constraints).write_text(constraints)
    tell("synthesizing")
    return synthesize_rtlil(family, plan.files["top.il"], directory)
