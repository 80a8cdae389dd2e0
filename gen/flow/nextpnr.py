"""Runs of nextpnr and its packers, WebAssembly in a Python wheel for each family of FPGAs, and what it reports."""

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.flow.process import run_process

__all__ = ["Timing", "run_tool"]

_START = "import sys, yowasp_nextpnr_{family}; sys.exit(yowasp_nextpnr_{family}.run_{tool}(sys.argv[1:]))"
_ERROR = "ERROR: "  # nextpnr counts its errors behind them


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Clock of a routed design.

    Parameters
    ----------
    fmax : float
        MHz, of paths between cells: nextpnr does not time what lies between the registers of one multiplier block.
    critical_path : tuple of (str, str, float)
        Kind of delay, where it ends (a cell's port), and ns, from register to register.
    """

    fmax: float
    critical_path: tuple[tuple[str, str, float], ...]

    @property
    def wires(self) -> float:
        """Share of wires in the delay of the critical path, from 0 to 1."""
        total = sum(delay for _, _, delay in self.critical_path)
        return sum(delay for kind, _, delay in self.critical_path if kind == "routing") / total if total else 0.0

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> "Timing":
        """Take the slowest clock of nextpnr's JSON report.

        Raises
        ------
        ValueError
            If the report has no clock.
        """
        if not report["fmax"]:
            raise ValueError("report must have a clock")
        clock, entry = min(report["fmax"].items(), key=lambda item: item[1]["achieved"])
        inside = (p["path"] for p in report["critical_paths"] if {p["from"], p["to"]} == {f"posedge {clock}"})
        steps = ((s["type"], f"{s['to']['cell']}.{s['to']['port']}", s["delay"]) for s in next(inside, []))
        return cls(fmax=entry["achieved"], critical_path=tuple(steps))

    @classmethod
    def load(cls, directory: Path, seed: int) -> "Timing":
        """Read the report that a placement with this seed has left in a folder."""
        return cls.from_report(json.loads((directory / f"report_{seed}.json").read_text()))


def run_tool(family: str, tool: str, arguments: Sequence[str], directory: Path) -> None:
    """Run nextpnr or a packer with ``directory`` as the working directory.

    Parameters
    ----------
    family : str
        Whose tool: ``"ecp5"`` or ``"ice40"``.
    tool : str
        Its name, such as ``"nextpnr_ecp5"``.
    arguments : sequence of str
        Its command line. Files are named relative to ``directory``: YoWASP sees no others.
    directory : Path
        Existing folder with the input files.

    Raises
    ------
    RuntimeError
        If nextpnr is not installed or the tool fails, with its last message.
    """
    if importlib.util.find_spec(f"yowasp_nextpnr_{family}") is None:
        raise RuntimeError("nextpnr is not installed; install it with: pip install -c constraints.txt -e '.[fpga]'")
    done = run_process([sys.executable, "-c", _START.format(family=family, tool=tool), *arguments], directory)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        lines = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)] or lines
        raise RuntimeError(f"{tool} failed: {lines[-1] if lines else f'exit status {done.returncode}'}")
