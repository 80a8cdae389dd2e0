"""Synthesis of a design by itself, whatever the family of FPGAs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from amaranth.back import rtlil

from gen.flow.family import Family
from gen.flow.target import Target
from gen.flow.yosys import run_yosys

__all__ = ["synthesize", "synthesize_rtlil"]

Area = TypeVar("Area")


def synthesize(
    family: Family[Area], component: Any, ports: Mapping[str, Any], directory: Path, *, options: str = ""
) -> Area:
    """Synthesize a component out of context, unless the same was synthesized there before.

    Parameters
    ----------
    family : Family
        Of the FPGA.
    component : Elaboratable
        What to synthesize; it sees a :class:`gen.flow.target.Target` as its platform.
    ports : mapping
        Names and values of its ports.
    directory : Path
        Gets ``design.il``, ``design.json``, ``stat.json``, ``yosys.log`` and other logs; made if it is not there.
    options : str
        More options of the family's synthesis.

    Returns
    -------
    Area
        Counts of cells.

    Raises
    ------
    RuntimeError
        If a tool is not installed or fails, with its last message.
    """
    named = {name: (value, None) for name, value in ports.items()}
    text = rtlil.convert(component, name="top", platform=Target(family.name), ports=named, emit_src=False)
    return synthesize_rtlil(family, text, directory, options=options)


def synthesize_rtlil(family: Family[Area], text: str, directory: Path, *, options: str = "") -> Area:
    """Synthesize the module ``top`` of an RTLIL text, as :func:`synthesize` does a component."""
    script = family.script.format(options=options)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "design.il").write_text(text)
    mark = directory / "synthesized"
    key = hashlib.sha256((script + text).encode()).hexdigest()
    if not mark.exists() or mark.read_text() != key:
        mark.unlink(missing_ok=True)
        run_yosys(script, directory)
        mark.write_text(key)
    cells: dict[str, int] = json.loads((directory / "stat.json").read_text())["design"]["num_cells_by_type"]
    return family.area(cells, directory)
