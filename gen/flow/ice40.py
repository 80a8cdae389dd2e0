"""The family iCE40 UltraPlus: what Yosys and nextpnr are told for it, and what their answers mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.flow.family import Family
from gen.flow.nextpnr import Timing, run_tool

__all__ = ["ICE40", "Area", "Ice40"]

_LOGIC_CELLS = 5280
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
_RESOURCES = {
    "luts": "ICESTORM_LC",
    "dsps": "ICESTORM_DSP",
    "rams": "ICESTORM_RAM",
    "large_rams": "ICESTORM_SPRAM",
}
_PACKED = re.compile(r"(\d+) LCs used as (?:LUT4 only|LUT4 and DFF|DFF only|CARRY only)")


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


class Ice40(Family[Area]):
    """Lattice's iCE40 UltraPlus, of which there is one device."""

    name = "ice40"
    constraints = "design.pcf"
    bitstream_suffix = ".bin"
    script = _SYNTHESIS

    def area(self, cells: Mapping[str, int], directory: Path) -> Area:
        """Pack the cells, which leaves ``pack.log``, and count."""
        run_tool("ice40", "nextpnr_ice40", [*self._device(directory), "--pack-only", "-l", "pack.log"], directory)
        packed = _PACKED.findall((directory / "pack.log").read_text())
        return Area.from_cells(cells, sum(map(int, packed)))

    def misfit(self, area: Area) -> str | None:
        fits = area.logic_cells <= _LOGIC_CELLS
        return None if fits else f"it takes {area.logic_cells:,} of {_LOGIC_CELLS:,} logic cells"

    def place_for(
        self, _platform: Any, directory: Path, *, seed: int, target_mhz: float, memories: Mapping[str, str] | None
    ) -> Timing:
        if memories is not None:
            raise ValueError("an iCE40's memories cannot be told their places")
        return self.place_and_route(directory, seed=seed, target_mhz=target_mhz)

    def place_and_route(self, directory: Path, *, seed: int = 1, target_mhz: float = 24.0) -> Timing:
        """Place and route what :func:`gen.flow.synthesis.synthesize` left in a folder.

        Pins are those of :attr:`constraints` if that is there, else they go wherever the placer wants them.

        Parameters
        ----------
        directory : Path
            Has ``design.json``; gets ``report_<seed>.json``, ``nextpnr_<seed>.log`` and, for :meth:`pack`,
            ``design.asc``.
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
        run_tool("ice40", "nextpnr_ice40", [*self._device(directory), *files, *flow], directory)
        return Timing.load(directory, seed)

    def pack(self, directory: Path, bitstream: str) -> None:
        """Make a bitstream of what :meth:`place_and_route` left in a folder.

        Raises
        ------
        RuntimeError
            If icepack is not installed or fails.
        """
        run_tool("ice40", "icepack", ["design.asc", bitstream], directory)

    def clock(self, report: Mapping[str, Any], asked_mhz: float) -> tuple[float, float]:
        return asked_mhz, Timing.from_report(report).fmax

    def resources(self, report: Mapping[str, Any], area: Area) -> dict[str, dict[str, int]]:
        placed = {name: report["utilization"][cell] for name, cell in _RESOURCES.items()}
        return {"ffs": {"used": area.ff, "available": _LOGIC_CELLS}, **placed}

    def _device(self, directory: Path) -> list[str]:
        """Return the arguments of nextpnr that say what is placed where."""
        return [*_DEVICE, *(["--pcf", self.constraints] if (directory / self.constraints).exists() else [])]


ICE40 = Ice40()
"""The family."""
