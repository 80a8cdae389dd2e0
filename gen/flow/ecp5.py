"""The family ECP5: what Yosys and nextpnr are told for it, and what their answers mean."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.flow.family import Family
from gen.flow.nextpnr import Timing, run_tool

__all__ = ["ECP5", "Area", "Device", "Ecp5"]

# - No word that is written in the cycle of its read is ever used (hw.core.memory.collisions). Amaranth does not say so
#   to Yosys, which would put a comparator and a second data path around each block memory.
# - Yosys 0.70 stops with an assertion when ABC9 puts a larger design back together, unless wires have no public names:
#   registers and memories get theirs before, so that a critical path can be read.
# - synth_ecp5 has ABC9 count 300 ps for a wire, which makes ten levels of logic look no longer than a block memory. On
#   a routed chip a wire takes about 900.
_SYNTHESIS = (
    "read_rtlil design.il; hierarchy -top top; proc; "
    "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 a:two_clocks %m %d; flatten; "
    "synth_ecp5 -top top -run :map_luts {options}; "
    "autoname t:TRELLIS_FF t:DP16KD t:MULT18X18D t:TRELLIS_DPR16X4; rename -hide w:*; abc9 -W 900; clean; "
    "synth_ecp5 -top top -run map_cells: -json design.json {options}; tee -q -o stat.json stat -json"
)
_MEMORY = "DP16KD"
_DEVICES = ("12k", "25k", "45k", "85k")

_SIZES = {"LFE5U-12F": "12k", "LFE5U-25F": "25k", "LFE5U-45F": "45k", "LFE5U-85F": "85k"}
_PACKAGES = {"BG381": "CABGA381"}
_RESOURCES = {"luts": "TRELLIS_COMB", "ffs": "TRELLIS_FF", "dsps": "MULT18X18D", "rams": "DP16KD"}
_SAME_CLOCK = 0.02  # of the frequency: dividers do not hit every one


@dataclass(frozen=True, kw_only=True)
class Device:
    """An FPGA and how to place on it.

    Parameters
    ----------
    size : str
        ``"12k"``, ``"25k"``, ``"45k"`` or ``"85k"``.
    speed : int
        Speed grade: 6, 7 or 8, the fastest.
    package : str, optional
        As nextpnr names it; needed where pins have places.

    Raises
    ------
    ValueError
        If there is no such device.
    """

    size: str = "45k"
    speed: int = 8
    package: str | None = None

    def __post_init__(self) -> None:
        if self.size not in _DEVICES:
            raise ValueError(f"size must be one of {', '.join(_DEVICES)}, not {self.size!r}")
        if self.speed not in {6, 7, 8}:
            raise ValueError(f"speed must be 6, 7 or 8, not {self.speed!r}")

    @classmethod
    def of(cls, platform: Any) -> "Device":
        """Return the device of an Amaranth platform."""
        return cls(size=_SIZES[platform.device], speed=int(platform.speed), package=_PACKAGES[platform.package])


@dataclass(frozen=True, kw_only=True)
class Area:
    """Cells of a synthesized design.

    Parameters
    ----------
    lut4 : int
        Look-up tables of logic.
    ccu2c : int
        Carry cells; each takes two look-up tables.
    ram : int
        Distributed memories of 16x4 bits; each takes four look-up tables for its bits and two for its write port.
    ff : int
        Flip-flops.
    dsp : int
        MULT18X18D.
    ebr : int
        Block memories, DP16KD.
    """

    lut4: int
    ccu2c: int
    ram: int
    ff: int
    dsp: int
    ebr: int

    @property
    def lut_eq(self) -> int:
        """Look-up tables that logic, carry cells and distributed memories take together."""
        return self.lut4 + 2 * self.ccu2c + 6 * self.ram

    @classmethod
    def from_cells(cls, cells: Mapping[str, int]) -> "Area":
        """Count from a table of cell types, as in Yosys's ``stat``."""
        return cls(
            lut4=cells.get("LUT4", 0),
            ccu2c=cells.get("CCU2C", 0),
            ram=cells.get("TRELLIS_DPR16X4", 0),
            ff=cells.get("TRELLIS_FF", 0),
            dsp=cells.get("MULT18X18D", 0),
            ebr=cells.get("DP16KD", 0),
        )


class Ecp5(Family[Area]):
    """Lattice's ECP5."""

    name = "ecp5"
    constraints = "design.lpf"
    bitstream_suffix = ".bit"
    script = _SYNTHESIS

    def area(self, cells: Mapping[str, int], _directory: Path) -> Area:
        return Area.from_cells(cells)

    def misfit(self, _area: Area) -> None:
        return None

    def place_for(
        self, platform: Any, directory: Path, *, seed: int, target_mhz: float, memories: Mapping[str, str] | None
    ) -> Timing:
        device = Device.of(platform)
        return self.place_and_route(
            directory, device, seed=seed, target_mhz=target_mhz, placer="static", memories=memories
        )

    def place_and_route(
        self,
        directory: Path,
        device: Device,
        *,
        seed: int = 1,
        target_mhz: float = 200.0,
        placer: str = "heap",
        memories: Mapping[str, str] | None = None,
    ) -> Timing:
        """Place and route what :func:`gen.flow.synthesis.synthesize` left in a folder.

        Pins and clocks are those of :attr:`constraints` if that is there, else pins go wherever the placer wants them.
        The clock takes the clock network, which nextpnr leaves alone in designs without pins: as 20,000 ordinary wires
        it is what a router spends most of its time on.

        Parameters
        ----------
        directory : Path
            Has ``design.json``; gets ``report_<seed>.json``, ``nextpnr_<seed>.log`` and, where pins have places,
            ``design.config``.
        device : Device
            Where to place.
        seed : int
            Of the placer.
        target_mhz : float
            Frequency that placer and router aim at.
        placer : str
            ``"heap"``, or ``"static"``, which leaves a third less wire and so makes large designs routable. It cannot
            part block memories where they nearly fill the device, so these go where the other one puts them.
        memories : mapping, optional
            Places of the block memories by their names; otherwise the analytic placer finds them, which takes as long
            as the rest in large designs.

        Returns
        -------
        Timing
            Of the slowest clock.

        Raises
        ------
        RuntimeError
            If nextpnr is not installed or fails, or a block memory has no place.
        """
        flow = [f"--{device.size}", "--speed", str(device.speed), "--seed", str(seed), "--freq", f"{target_mhz:g}"]
        flow += ["--lpf-allow-unconstrained", "--timing-allow-fail", "-q"]
        if (directory / self.constraints).exists():
            flow += ["--lpf", self.constraints]
        if device.package:
            flow += ["--package", device.package]
        netlist = "design.json"
        if placer == "static":
            netlist = _fix_memories(directory, _place_memories(directory, flow) if memories is None else memories)
        files = ["--json", netlist, "--report", f"report_{seed}.json", "-l", f"nextpnr_{seed}.log"]
        if (directory / self.constraints).exists():
            files += ["--textcfg", "design.config"]
        run_tool("ecp5", "nextpnr_ecp5", [*files, "--placer", placer, *flow], directory)
        return Timing.load(directory, seed)

    def pack(self, directory: Path, bitstream: str) -> None:
        """Make a bitstream, compressed, of what :meth:`place_and_route` left in a folder.

        Raises
        ------
        RuntimeError
            If ecppack is not installed or fails.
        """
        run_tool("ecp5", "ecppack", ["--compress", "--input", "design.config", "--bit", bitstream], directory)

    def clock(self, report: Mapping[str, Any], asked_mhz: float) -> tuple[float, float]:
        """Find a clock by what the netlist asks of it: its wires have lost their names.

        The clock in front of the gate is asked for the same, and has next to nothing to do.
        """
        near = (c for c in report["fmax"].values() if abs(c["constraint"] - asked_mhz) <= _SAME_CLOCK * asked_mhz)
        slowest = min(near, key=lambda clock: float(clock["achieved"]), default=None)
        if slowest is None:
            raise RuntimeError(f"nextpnr reports no clock of {asked_mhz:g} MHz")
        return round(slowest["constraint"], 3), slowest["achieved"]

    def resources(self, report: Mapping[str, Any], _area: Area) -> dict[str, dict[str, int]]:
        return {name: report["utilization"][cell] for name, cell in _RESOURCES.items()}


ECP5 = Ecp5()
"""The family."""


def _place_memories(directory: Path, flow: Sequence[str]) -> dict[str, str]:
    """Return where the analytic placer puts block memories.

    Parameters
    ----------
    directory : Path
        Has ``design.json``.
    flow : sequence of str
        Arguments of nextpnr.
    """
    files = ["--json", "design.json", "--write", "analytic.json", "-l", "analytic.log", "--no-route"]
    run_tool("ecp5", "nextpnr_ecp5", [*files, "--placer", "heap", *flow], directory)
    placed = json.loads((directory / "analytic.json").read_text())["modules"]["top"]["cells"]
    return {_plain(name): c["attributes"]["NEXTPNR_BEL"] for name, c in sorted(placed.items()) if c["type"] == _MEMORY}


def _fix_memories(directory: Path, places: Mapping[str, str]) -> str:
    """Write a netlist whose block memories have places; return its name."""
    netlist = json.loads((directory / "design.json").read_text())
    for name, cell in netlist["modules"]["top"]["cells"].items():
        if cell["type"] == _MEMORY:
            if _plain(name) not in places:
                raise RuntimeError(f"block memory {_plain(name)} has no place")
            cell["attributes"]["BEL"] = places[_plain(name)]
    (directory / "placed.json").write_text(json.dumps(netlist))
    return "placed.json"


def _plain(name: str) -> str:
    """Leave out the numbers by which Amaranth tells like names apart: they change with anything in the design."""
    return re.sub(r"\$\d+", "", name)
