"""Arguments of ``python -m bench``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.bert import measure_bert
from bench.figure import Figure
from bench.gemm import measure_gemm
from bench.report import write_report
from bench.results import load_results, update_results
from bench.speed import measure_speed

__all__ = ["main"]

Part = Callable[[Callable[[str, int, int], None]], tuple[dict[str, Figure], dict[str, Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report.

    Returns
    -------
    int
        0; 2 with one line on standard error if something that is needed is not there. That a target is not met is no
        error.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures what the accelerator achieves.")
    parts: dict[str, Part] = {"gemm": measure_gemm, "bert": measure_bert, "sim": measure_speed}
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(parts)}, or report (default: all)")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - {*parts, "report"}
    if unknown:
        parser.error(f"a part must be one of {', '.join(parts)}, report, not {min(unknown)!r}")
    console = Console(highlight=False, soft_wrap=True)
    try:
        for name in options.parts or parts:
            if name in parts:
                _measure(name, parts[name], console)
        write_report()
    except (OSError, RuntimeError, ValueError) as error:
        print(f"python -m bench: {str(error).partition(chr(10))[0]}", file=sys.stderr)
        return 2
    return 0


def _measure(name: str, measure: Part, console: Console) -> None:
    """Measure one part, say what came out, and keep it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(task, description=f"{name}: {what}", completed=done, total=total)

        figures, table = measure(tell)
    update_results(name, figures, table)
    for entry_name, entry in load_results()["figures"].items():
        if entry_name.startswith(f"{name}/"):
            met = {True: "met", False: "NOT MET", None: ""}[entry["met"]]
            target = "" if entry["target"] is None else f"{entry['target']} {met}"
            console.print(f"{entry_name:75} {entry['value']:>12} {entry['unit']:<10} {target}", markup=False)
