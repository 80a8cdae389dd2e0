"""Synthesis of a design by itself, whatever the family of FPGAs."""

import hashlib
import json
from pathlib import Path

from gen.flow.yosys import run_yosys

__all__ = ["count_cells"]


def count_cells(text: str, directory: Path, *, script: str) -> dict[str, int]:
    """Synthesize an RTLIL text, unless the same was synthesized there before.

    Parameters
    ----------
    text : str
        The design; its top module is ``top``.
    directory : Path
        Gets ``design.il``, ``design.json``, ``stat.json`` and ``yosys.log``; made if it is not there.
    script : str
        Yosys commands that read ``design.il`` and write ``design.json`` and the statistics ``stat.json``.

    Returns
    -------
    dict of str to int
        Numbers of cells by type.

    Raises
    ------
    RuntimeError
        If Yosys fails, with its last message.
    """
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
