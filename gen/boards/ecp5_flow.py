"""Bitstreams for ECP5 boards."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gen.boards.board_design import BoardDesign
from gen.boards.report import Clock, Report, Resource
from gen.flow.ecp5 import CONSTRAINTS, Area, Device, pack, place_and_route, synthesize_rtlil

__all__ = ["build_for_ecp5", "synthesize_for_ecp5"]

_SIZES = {"LFE5U-12F": "12k", "LFE5U-25F": "25k", "LFE5U-45F": "45k", "LFE5U-85F": "85k"}
_PACKAGES = {"BG381": "CABGA381"}
_RESOURCES = {"luts": "TRELLIS_COMB", "ffs": "TRELLIS_FF", "dsps": "MULT18X18D", "rams": "DP16KD"}
_PLACER = "static"
_SAME_CLOCK = 0.02  # of the frequency: dividers do not hit every one


def build_for_ecp5(board: BoardDesign, directory: Path, tell: Callable[[str], None]) -> Report:
    """Make ``<board>.bit``; as :func:`gen.boards.build.build_bitstream`, without judging the result."""
    platform = board.platform()
    area = synthesize_for_ecp5(board, platform, directory, tell)
    tell("placing and routing")
    device = Device(size=_SIZES[platform.device], speed=int(platform.speed), package=_PACKAGES[platform.package])
    fastest = max(board.clocks.values())
    memories = json.loads(board.memories.read_text()) if board.memories else None
    place_and_route(directory, device, seed=board.seed, target_mhz=fastest / 1e6, placer=_PLACER, memories=memories)
    tell("packing the bitstream")
    bitstream = f"{board.name}.bit"
    pack(directory, bitstream)
    routed = json.loads((directory / f"report_{board.seed}.json").read_text())
    return Report(
        board=board.name,
        array=f"{board.config.rows}x{board.config.cols}",
        clocks={name: _clock(routed, hertz / 1e6) for name, hertz in board.clocks.items()},
        resources={name: Resource(**routed["utilization"][cell]) for name, cell in _RESOURCES.items()},
        cells=asdict(area),
        seed=board.seed,
        bitstream=bitstream,
    )


def synthesize_for_ecp5(board: BoardDesign, platform: Any, directory: Path, tell: Callable[[str], None]) -> Area:
    """Make the netlist and the constraints of its pins; return what it takes."""
    tell("elaborating")
    plan = platform.prepare(board.top(board), "top")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONSTRAINTS).write_text(plan.files["top.lpf"])
    tell("synthesizing")
    return synthesize_rtlil(plan.files["top.il"], directory)


def _clock(routed: dict[str, Any], asked_mhz: float) -> Clock:
    """Find a clock by what the netlist asks of it: its wires have lost their names.

    The clock in front of the gate is asked for the same, and has next to nothing to do.
    """
    near = (c for c in routed["fmax"].values() if abs(c["constraint"] - asked_mhz) <= _SAME_CLOCK * asked_mhz)
    slowest = min(near, key=lambda clock: float(clock["achieved"]), default=None)
    if slowest is None:
        raise RuntimeError(f"nextpnr reports no clock of {asked_mhz:g} MHz")
    return Clock(asked_mhz=round(slowest["constraint"], 3), fmax_mhz=round(slowest["achieved"], 2))
