"""``python -m sw``: classify, embed, quantize, matmul, trace, flash-image."""

import sys
from typing import NoReturn

if not __package__:
    sys.exit("run python -m sw in the repository's folder")

from cli.run_command import run_command


def _run() -> int:
    from sw.cli.main import main  # noqa: PLC0415  # takes a while, in which the command can be stopped

    return main()


def command() -> NoReturn:
    """Run the command as all of this process."""
    run_command("python -m sw", _run)


if __name__ == "__main__":
    command()
