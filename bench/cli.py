"""Arguments of ``python -m bench``."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table

from bench.area import measure_area, measure_unit
from bench.bert import measure_bert
from bench.boards import measure_boards
from bench.figure import Figure
from bench.gemm import measure_gemm
from bench.pages import write_pages
from bench.report import draw_plots
from bench.results import load_results, update_results
from bench.speed import measure_speed
from cli.exit_status import exit_status
from cli.parser import Parser
from cli.steps import Steps
from cli.terminal import Terminal

__all__ = ["main"]

_NAME = "python -m bench"

Part = Callable[[Callable[[str, int, int], None]], tuple[dict[str, Figure], dict[str, Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report.

    Returns
    -------
    int
        0, also if a target is not met; else what :func:`cli.exit_status.exit_status` says.
    """
    parser = Parser(prog=_NAME, description="Measures what the accelerator achieves.")
    parts: dict[str, Part] = {"gemm": measure_gemm, "bert": measure_bert, "area": measure_area, "sim": measure_speed}
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"{', '.join(parts)}, report, or boards, which are built before (default: all but boards)",
    )
    parser.add_argument("--unit", metavar="NAME", help="only synthesize one unit of the chips and print what it takes")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - {*parts, "report", "boards"}
    if unknown:
        parser.error(f"a part must be one of {', '.join(parts)}, report, boards, not {min(unknown)!r}")
    if options.unit and options.parts not in ([], ["area"]):
        parser.error("--unit is for the part area alone")
    return exit_status(_NAME, lambda: _run(options, parts))


def _run(options: argparse.Namespace, parts: dict[str, Part]) -> int:
    console = Terminal()
    if options.unit:
        _show_unit(options.unit, console)
        return 0
    for name in options.parts or parts:
        if name in parts:
            _measure(name, parts[name], console)
    if "boards" in options.parts:
        with Steps("boards") as steps:
            steps("simulating a review on each")
            measure_boards(lambda name, done, total: steps(f"{name} is the {done}. of {total}"))
    draw_plots()
    write_pages()
    return 0


def _show_unit(name: str, console: Terminal) -> None:
    """Print a unit's area in each chip."""
    table = Table(title=name)
    columns = ("chip", "LUT4", "CCU2C", "DPR16X4", "FF", "MULT18X18D", "DP16KD", "LUT-eq")
    for column in columns:
        table.add_column(column, justify="left" if column == "chip" else "right")
    for chip, area in measure_unit(name):
        cells = (area.lut4, area.ccu2c, area.ram, area.ff, area.dsp, area.ebr, area.lut_eq)
        table.add_row(chip, *(f"{count:,}" for count in cells))
    console.print(table)


def _measure(name: str, measure: Part, console: Terminal) -> None:
    """Measure one part, say what came out, and keep it."""
    with Steps(name) as steps:
        steps("measuring")
        figures, table = measure(lambda what, done, total: steps(f"{what} is the {done}. of {total}"))
    update_results(name, figures, table)
    for entry_name, entry in load_results()["figures"].items():
        if entry_name.startswith(f"{name}/"):
            met = {True: "met", False: "NOT MET", None: ""}[entry["met"]]
            target = "" if entry["target"] is None else f"{entry['target']} {met}"
            console.print(f"{entry_name:75} {entry['value']:>12} {entry['unit']:<10} {target}", markup=False)
