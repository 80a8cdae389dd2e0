"""Synthesis of a component by itself, whatever the family of FPGAs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from gen.yosys import run_yosys

__all__ = ["count_cells", "count_rtlil_cells"]


def count_cells(
    component: Any, ports: Mapping[str, Any], directory: Path, *, platform: Any, script: str
) -> dict[str, int]:
    """Synthesize a component out of context, unless the same was synthesized there before.

    Parameters
    ----------
    component : Elaboratable
        What to synthesize.
    ports : mapping
        Names and values of its ports.
    directory : Path
        Gets ``design.il``, ``design.json``, ``stat.json`` and ``yosys.log``; made if it is not there.
    platform : object
        What the component sees as its platform.
    script : str
        Yosys commands that read ``design.il``, whose top module is ``top``, and write ``design.json`` and the
        statistics ``stat.json``.

    Returns
    -------
    dict of str to int
        Numbers of cells by type.

    Raises
    ------
    RuntimeError
        If Yosys fails, with its last message.
    """
    named = {name: (value, None) for name, value in ports.items()}
    text = rtlil.convert(component, name="top", platform=platform, ports=named, emit_src=False)
    return count_rtlil_cells(text, directory, script=script)


def count_rtlil_cells(text: str, directory: Path, *, script: str) -> dict[str, int]:
    """Synthesize the module ``top`` of an RTLIL text, as :func:`count_cells` does a component."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "design.il").write_text(text)
    mark = directory / "synthesized"
    key = hashlib.sha256((script + text).encode()).hexdigest()
    if not mark.exists() or mark.read_text() != key:
        mark.unlink(missing_ok=True)
        run_yosys(script, directory)
        mark.write_text(key)
    cells: dict[str, int] = json.loads((directory / "stat.json").read_text())["design"]["num_cells_by_type"]
    return cells
