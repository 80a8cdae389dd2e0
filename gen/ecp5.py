"""Area and clock of a component on an ECP5, by Yosys and nextpnr."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.nextpnr import Timing, run_nextpnr
from gen.synthesis import count_cells

__all__ = ["Area", "Device", "Target", "place_and_route", "synthesize"]

# - No word that is written in the cycle of its read is ever used (hw.memory.collisions). Amaranth does not say so to
#   Yosys, which would put a comparator and a second data path around each block memory.
# - Yosys 0.70 stops with an assertion when ABC9 puts a larger design back together, unless wires have no public names:
#   registers and memories get theirs before, so that a critical path can be read.
# - synth_ecp5 has ABC9 count 300 ps for a wire, which makes ten levels of logic look no longer than a block memory. On
#   a routed chip a wire takes about 900.
_SYNTHESIS = (
    "read_rtlil design.il; hierarchy -top top; proc; flatten; "
    "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2; synth_ecp5 -top top -run :map_luts {options}; "
    "autoname t:TRELLIS_FF t:DP16KD t:MULT18X18D t:TRELLIS_DPR16X4; rename -hide w:*; abc9 -W 900; clean; "
    "synth_ecp5 -top top -run map_cells: -json design.json {options}; tee -q -o stat.json stat -json"
)
_DEVICES = ("25k", "45k", "85k")


class Target:
    """Stands for an ECP5 in ``elaborate(platform)`` where there is no board: components use its primitives."""

    family = "ecp5"


@dataclass(frozen=True, kw_only=True)
class Device:
    """An FPGA and how to place on it.

    Parameters
    ----------
    size : str
        ``"25k"``, ``"45k"`` or ``"85k"``.
    speed : int
        Speed grade: 6, 7 or 8, the fastest.

    Raises
    ------
    ValueError
        If there is no such device.
    """

    size: str = "45k"
    speed: int = 8

    def __post_init__(self) -> None:
        if self.size not in _DEVICES:
            raise ValueError(f"size must be one of {', '.join(_DEVICES)}, not {self.size!r}")
        if self.speed not in {6, 7, 8}:
            raise ValueError(f"speed must be 6, 7 or 8, not {self.speed!r}")


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


def synthesize(component: Any, ports: Mapping[str, Any], directory: Path, *, options: str = "") -> Area:
    """Synthesize a component out of context, unless the same was synthesized there before.

    Parameters
    ----------
    component : Elaboratable
        What to synthesize; it sees :class:`Target` as its platform.
    ports : mapping
        Names and values of its ports.
    directory : Path
        Gets ``design.il``, ``design.json``, ``stat.json`` and ``yosys.log``; made if it is not there.
    options : str
        More options of ``synth_ecp5``.

    Returns
    -------
    Area
        Counts of cells.

    Raises
    ------
    RuntimeError
        If Yosys fails, with its last message.
    """
    script = _SYNTHESIS.format(options=options)
    return Area.from_cells(count_cells(component, ports, directory, platform=Target(), script=script))


def place_and_route(
    directory: Path, device: Device, *, seed: int = 1, target_mhz: float = 200.0, placer: str = "heap"
) -> Timing:
    """Place and route what :func:`synthesize` left in a folder, with pins wherever the placer wants them.

    The clock takes the clock network, which nextpnr leaves alone in designs without pins: as 20,000 ordinary wires it
    is what a router spends most of its time on.

    Parameters
    ----------
    directory : Path
        Has ``design.json``; gets ``report_<seed>.json`` and ``nextpnr_<seed>.log``.
    device : Device
        Where to place.
    seed : int
        Of the placer.
    target_mhz : float
        Frequency that placer and router aim at.
    placer : str
        ``"heap"`` or ``"static"``, which leaves a third less wire and so makes large designs routable.

    Returns
    -------
    Timing
        Of the slowest clock.

    Raises
    ------
    RuntimeError
        If nextpnr is not installed or fails.
    """
    arguments = [f"--{device.size}", "--speed", str(device.speed), "--seed", str(seed), "--freq", f"{target_mhz:g}"]
    files = ["--json", "design.json", "--report", f"report_{seed}.json", "-l", f"nextpnr_{seed}.log"]
    flow = ["--lpf-allow-unconstrained", "--timing-allow-fail", "--placer", placer, "-q"]
    run_nextpnr("ecp5", [*arguments, *files, *flow], directory)
    return Timing.load(directory, seed)
