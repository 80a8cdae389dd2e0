"""Area and clock of a component on an iCE40 UltraPlus, by Yosys and nextpnr."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from gen.flow.nextpnr import Timing, run_tool
from gen.flow.synthesis import count_cells

__all__ = ["CONSTRAINTS", "LOGIC_CELLS", "Area", "Target", "pack", "place_and_route", "synthesize", "synthesize_rtlil"]

CONSTRAINTS = "design.pcf"
"""File of pins that synthesis and placement obey if it is in the folder."""

LOGIC_CELLS = 5280
"""Of an iCE40UP5K: each a look-up table, a carry and a flip-flop."""

# - No word that is written in the cycle of its read is ever used (hw.core.memory.collisions), as in gen.flow.ecp5.
# - ABC9 fails where wires have public names, as in gen.flow.ecp5: registers and blocks get theirs before.
# - A wire between neighbours takes 1.8 ns by nextpnr's reports; ABC9 is told so, and makes shorter paths.
_SYNTHESIS = (
    "scratchpad -set synth_ice40.abc9.W 1800; read_rtlil design.il; hierarchy -top top; proc; flatten; "
    "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2; synth_ice40 -top top -device u -abc9 -run :map_luts {options}; "
    "autoname t:SB_DFF* t:SB_RAM40* t:SB_MAC16 t:SB_SPRAM256KA; rename -hide w:*; "
    "synth_ice40 -top top -device u -abc9 -run map_luts: -json design.json {options}; tee -q -o stat.json stat -json"
)
_DEVICE = ("--up5k", "--package", "sg48", "--json", "design.json", "--pcf-allow-unconstrained", "-q")
_PACKED = re.compile(r"(\d+) LCs used as (?:LUT4 only|LUT4 and DFF|DFF only|CARRY only)")


class Target:
    """Stands for an iCE40 in ``elaborate(platform)`` where there is no board: components use its primitives."""

    family = "ice40"


@dataclass(frozen=True, kw_only=True)
class Area:
    """Cells of a synthesized design.

    Parameters
    ----------
    logic_cells : int
        What look-up tables, carries and flip-flops take together, once packed.
    lut4 : int
        Look-up tables.
    carry : int
        Carry cells.
    ff : int
        Flip-flops.
    ebr : int
        Block memories of 4 kbit.
    spram : int
        Memories of 16,384 words of 16 bits.
    dsp : int
        SB_MAC16.
    """

    logic_cells: int
    lut4: int
    carry: int
    ff: int
    ebr: int
    spram: int
    dsp: int

    @classmethod
    def from_cells(cls, cells: Mapping[str, int], logic_cells: int) -> "Area":
        """Count from a table of cell types, as in Yosys's ``stat``."""
        return cls(
            logic_cells=logic_cells,
            lut4=cells.get("SB_LUT4", 0),
            carry=cells.get("SB_CARRY", 0),
            ff=sum(number for name, number in cells.items() if name.startswith("SB_DFF")),
            ebr=sum(number for name, number in cells.items() if name.startswith("SB_RAM40")),
            spram=cells.get("SB_SPRAM256KA", 0),
            dsp=cells.get("SB_MAC16", 0),
        )


def synthesize(component: Any, ports: Mapping[str, Any], directory: Path, *, options: str = "") -> Area:
    """Synthesize a component out of context, unless the same was synthesized there before, and pack its cells.

    Parameters
    ----------
    component : Elaboratable
        What to synthesize; it sees :class:`Target` as its platform.
    ports : mapping
        Names and values of its ports.
    directory : Path
        Gets ``design.il``, ``design.json``, ``stat.json``, ``yosys.log`` and ``pack.log``; made if it is not there.
    options : str
        More options of ``synth_ice40``.

    Returns
    -------
    Area
        Counts of cells.

    Raises
    ------
    RuntimeError
        If Yosys or nextpnr is not installed or fails, with its last message.
    """
    named = {name: (value, None) for name, value in ports.items()}
    text = rtlil.convert(component, name="top", platform=Target(), ports=named, emit_src=False)
    return synthesize_rtlil(text, directory, options=options)


def synthesize_rtlil(text: str, directory: Path, *, options: str = "") -> Area:
    """Synthesize the module ``top`` of an RTLIL text, as :func:`synthesize` does a component."""
    cells = count_cells(text, directory, script=_SYNTHESIS.format(options=options))
    run_tool("ice40", "nextpnr_ice40", [*_device(directory), "--pack-only", "-l", "pack.log"], directory)
    packed = _PACKED.findall((directory / "pack.log").read_text())
    return Area.from_cells(cells, sum(map(int, packed)))


def place_and_route(directory: Path, *, seed: int = 1, target_mhz: float = 24.0) -> Timing:
    """Place and route what :func:`synthesize` left in a folder, with pins wherever the placer wants them.

    Parameters
    ----------
    directory : Path
        Has ``design.json``; gets ``report_<seed>.json``, ``nextpnr_<seed>.log`` and, for :func:`pack`, ``design.asc``.
    seed : int
        Of the placer.
    target_mhz : float
        Frequency that placer and router aim at.

    Returns
    -------
    Timing
        Of the slowest clock.

    Raises
    ------
    RuntimeError
        If nextpnr is not installed or fails.
    """
    files = ["--report", f"report_{seed}.json", "-l", f"nextpnr_{seed}.log", "--asc", "design.asc"]
    flow = ["--seed", str(seed), "--freq", f"{target_mhz:g}", "--timing-allow-fail"]
    run_tool("ice40", "nextpnr_ice40", [*_device(directory), *files, *flow], directory)
    return Timing.load(directory, seed)


def pack(directory: Path, bitstream: str) -> None:
    """Make a bitstream of what :func:`place_and_route` left in a folder.

    Raises
    ------
    RuntimeError
        If icepack is not installed or fails.
    """
    run_tool("ice40", "icepack", ["design.asc", bitstream], directory)


def _device(directory: Path) -> list[str]:
    """Return the arguments of nextpnr that say what is placed where."""
    return [*_DEVICE, *(["--pcf", CONSTRAINTS] if (directory / CONSTRAINTS).exists() else [])]
