"""From a board to its bitstream."""

from collections.abc import Callable
from pathlib import Path

from gen.boards.board_design import BoardDesign
from gen.boards.flow import make_bitstream
from gen.boards.report import Report

__all__ = ["REPORT", "build_bitstream"]

REPORT = "report.json"


def build_bitstream(board: BoardDesign, directory: Path, tell: Callable[[str], None] = lambda _stage: None) -> Report:
    """Build everything for a board.

    Parameters
    ----------
    board : BoardDesign
    directory : Path
        Gets the bitstream, ``report.json`` and the tools' files; made if it is not there.
    tell : callable, optional
        Called with the name of each stage when it begins.

    Returns
    -------
    Report
        Also written to the folder, even if the timing is missed.

    Raises
    ------
    RuntimeError
        If a tool is not installed, the design does not fit, or it misses its timing; no bitstream is left then.
    """
    (directory / board.bitstream).unlink(missing_ok=True)
    try:
        report = make_bitstream(board, directory, tell)
    except ModuleNotFoundError as error:
        install = "pip install -c constraints.txt -e '.[fpga]'"
        raise RuntimeError(f"{error.name} is not installed; install it with: {install}") from None
    report.write(directory / REPORT)
    missed = [name for name, clock in report.clocks.items() if not clock.met]
    if missed:
        (directory / report.bitstream).unlink()
        clock = report.clocks[missed[0]]
        raise RuntimeError(
            f"{board.name} misses its timing: clock {missed[0]} reaches {clock.fmax_mhz:g} of {clock.asked_mhz:g} MHz"
        )
    return report
