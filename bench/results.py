"""The committed results, updated part by part."""

import json
from pathlib import Path
from typing import Any

from bench.figure import Figure
from files.loading import loading
from sw.cli.json_file import write_json

__all__ = ["RESULTS", "load_results", "update_results"]

RESULTS = Path(__file__).parents[1] / "results" / "bench.json"


def load_results(path: Path = RESULTS) -> dict[str, Any]:
    """Return what was measured: ``figures`` by name, and a table for each part; nothing if there is no file."""
    if not path.exists():
        return {"figures": {}}
    with loading(path, "a file of results"):
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return results | {"figures": dict(results["figures"].items())}


def update_results(part: str, figures: dict[str, Figure], table: dict[str, Any], path: Path = RESULTS) -> None:
    """Replace the figures and the table of one part and leave the others as they are.

    Parameters
    ----------
    part : str
        Name of the part; its figures are those whose name begins with it and a slash.
    figures : dict of str to Figure
        By name within the part.
    table : dict
        What the report shows, as JSON.
    path : Path
        The file.
    """
    results = load_results(path)
    kept = {name: entry for name, entry in results["figures"].items() if not name.startswith(f"{part}/")}
    measured = {f"{part}/{name}": figure.to_json() for name, figure in figures.items()}
    tables = {name: results[name] for name in results if name != "figures"} | {part: table}
    write_json(path, {"figures": dict(sorted((kept | measured).items())), **dict(sorted(tables.items()))})
