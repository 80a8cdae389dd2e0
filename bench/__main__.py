"""``python -m bench``: measure all parts, or those that are named, and write results and report."""

import os
import sys

if not __package__:
    sys.exit("run python -m bench in the repository's folder")

from cli.run_command import run_command

# Before NumPy is loaded: as many threads as there are measurements at the same time, and no more.
os.environ["OPENBLAS_NUM_THREADS"] = "1"


def _run() -> int:
    from bench.cli import main  # noqa: PLC0415  # takes a while, in which the command can be stopped

    return main()


if __name__ == "__main__":
    run_command("python -m bench", _run)
