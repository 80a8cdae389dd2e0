"""What tells one family of FPGAs from another on the way from a design to a bitstream."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gen.flow.nextpnr import Timing

__all__ = ["Family"]

Area = TypeVar("Area")


class Family(Protocol[Area]):
    """What the tools are told for a family, and what their answers mean.

    Attributes
    ----------
    name : str
        By which components know it: see :class:`gen.flow.target.Target`.
    constraints : str
        File of pins and clocks that the tools obey if it is in the folder; its suffix is that of the file in which
        Amaranth's platforms write them.
    bitstream_suffix : str
        Of the bitstream's file, by which the loader knows what it is.
    script : str
        Yosys commands that read ``design.il`` and write ``design.json`` and ``stat.json``; ``{options}`` stands where
        further options of the synthesis go.
    """

    name: str
    constraints: str
    bitstream_suffix: str
    script: str

    def area(self, cells: Mapping[str, int], directory: Path) -> Area:
        """Return what a design in a folder takes, a dataclass, from Yosys's numbers of cells by type."""
        ...

    def misfit(self, area: Area) -> str | None:
        """Return what a design takes too much of, if that is known before it is placed."""
        ...

    def place_for(
        self, platform: Any, directory: Path, *, seed: int, target_mhz: float, memories: Mapping[str, str] | None
    ) -> Timing:
        """Place and route on the FPGA of an Amaranth platform, with the pins in :attr:`constraints`.

        Parameters
        ----------
        platform : Platform
        directory : Path
            Has ``design.json``; gets ``report_<seed>.json`` and what :meth:`pack` needs.
        seed : int
            Of the placer.
        target_mhz : float
            Frequency that placer and router aim at.
        memories : mapping, optional
            Places of block memories by their names.
        """
        ...

    def pack(self, directory: Path, bitstream: str) -> None:
        """Make a bitstream of what a placement left in a folder."""
        ...

    def clock(self, report: Mapping[str, Any], asked_mhz: float) -> tuple[float, float]:
        """Return what nextpnr's report says of a clock: MHz asked of it and reached."""
        ...

    def resources(self, report: Mapping[str, Any], area: Area) -> dict[str, dict[str, int]]:
        """Return cells ``used`` and ``available`` by kind: ``luts``, ``ffs``, ``dsps``, ``rams`` and others."""
        ...
