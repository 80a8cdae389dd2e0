"""``python -m gen --board``."""

import shutil
import sys
from pathlib import Path

from rich.table import Table

from cli.steps import Steps
from cli.terminal import Terminal
from gen.boards import DESIGNS
from gen.boards.board_design import BoardDesign
from gen.boards.build import REPORT, build_bitstream
from gen.boards.report import Report
from gen.flow.process import run_process

__all__ = ["BUILD", "run_board"]

BUILD = Path("build/boards")
"""Has a folder for each board."""

_LOADER = "openFPGALoader"


def run_board(name: str, directory: Path | None, *, build: bool, program: bool) -> None:
    """Build a board's bitstream, load it into the board, or both; print what it takes.

    Parameters
    ----------
    name : str
        Of :data:`gen.boards.DESIGNS`.
    directory : Path, optional
        Of the files; default: a folder of the board's name in :data:`BUILD`.
    build, program : bool
        What to do.

    Raises
    ------
    ValueError
        If there is nothing to do, or nothing built to load.
    RuntimeError
        As :func:`gen.boards.build.build_bitstream`; or if the loader is not installed or fails.
    """
    board, console = DESIGNS[name], Terminal()
    directory = directory or BUILD / name
    if not build and not program:
        raise ValueError("--board needs --build, --program or both")
    if build:
        with Steps(board.title) as steps:
            report = build_bitstream(board, directory, steps)
        _print(console, board, report, directory, steps.seconds)
    if program:
        _load(board, directory)


def _print(console: Terminal, board: BoardDesign, report: Report, directory: Path, seconds: float) -> None:
    table = Table(title=f"{board.title}: {report.array} array")
    for column in ("", "used", "available", ""):
        table.add_column(column, justify="right" if column else "left")
    for name, resource in report.resources.items():
        share = resource.used / resource.available
        table.add_row(name, f"{resource.used:,}", f"{resource.available:,}", f"{share:.0%}")
    console.print(table)
    table = Table()
    for column in ("clock", "asked, MHz", "routed, MHz"):
        table.add_column(column, justify="left" if column == "clock" else "right")
    for name, clock in report.clocks.items():
        table.add_row(name, f"{clock.asked_mhz:.2f}", f"{clock.fmax_mhz:.2f}")
    console.print(table)
    made = f"bitstream {directory / report.bitstream}, report {directory / REPORT}"
    console.print(f"{made}, in {seconds / 60:.0f} min {seconds % 60:.0f} s", markup=False)


def _load(board: BoardDesign, directory: Path) -> None:
    if not (directory / REPORT).exists():
        raise ValueError(f"there is no bitstream in {directory}; make one with --build")
    if shutil.which(_LOADER) is None:
        raise RuntimeError(
            f"{_LOADER} is not installed; on Debian or Ubuntu: apt install openfpgaloader; else see its project page"
        )
    bitstream = directory / Report.read(directory / REPORT).bitstream
    if not bitstream.exists():
        raise ValueError(f"there is no bitstream in {directory}; make one with --build")
    sys.stdout.flush()
    done = run_process([_LOADER, "-b", board.loader, str(bitstream)], capture=False)
    if done.returncode:
        raise RuntimeError(f"{_LOADER} failed with exit status {done.returncode}")
