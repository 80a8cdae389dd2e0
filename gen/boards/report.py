"""What became of a board's design."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from files.loading import loading
from files.whole_file import write_whole

__all__ = ["Clock", "Report", "Resource"]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Frequency of a clock domain, asked for and routed, in MHz."""

    asked_mhz: float
    fmax_mhz: float

    @property
    def met(self) -> bool:
        """Whether the routed design is fast enough."""
        return self.fmax_mhz >= self.asked_mhz


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Cells of a kind: taken by the design, and on the FPGA."""

    used: int
    available: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """Result of a build.

    Parameters
    ----------
    board : str
        Its name.
    array : str
        Rows and columns, such as ``16x16``.
    clocks : dict of str to Clock
        By clock domain.
    resources : dict of str to Resource
        ``luts``, ``ffs``, ``dsps``, ``rams``; of an iCE40, whose ``luts`` are logic cells, also ``large_rams``.
    cells : dict of str to int
        Cells of the netlist by kind, before they are packed.
    seed : int
        Of the placer.
    bitstream : str
        Its file, in the folder of the report.
    """

    board: str
    array: str
    clocks: dict[str, Clock]
    resources: dict[str, Resource]
    cells: dict[str, int]
    seed: int
    bitstream: str

    def write(self, path: Path) -> None:
        """Write JSON, whole or not at all."""
        write_whole(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Read what :meth:`write` has written.

        Raises
        ------
        OSError
            If it cannot be read.
        ValueError
            If it is no report.
        """
        with loading(path, "a report"):
            entry = json.loads(path.read_text())
            entry["clocks"] = {name: Clock(**clock) for name, clock in entry["clocks"].items()}
            entry["resources"] = {name: Resource(**resource) for name, resource in entry["resources"].items()}
            if not isinstance(entry["bitstream"], str):
                raise ValueError(f"bitstream must be a file's name, not {entry['bitstream']!r}")
            return cls(**entry)
