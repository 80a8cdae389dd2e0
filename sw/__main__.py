"""``python -m sw``: classify, embed, quantize, matmul, trace, flash-image."""

import sys
from typing import NoReturn

try:
    from cli.run_command import run_command
except ModuleNotFoundError:
    sys.exit("run python -m sw in the repository's folder")


def _run() -> int:
    from sw.cli.main import main  # noqa: PLC0415  # takes a while, in which the command can be stopped

    return main()


def command() -> NoReturn:
    """Run the command as all of this process."""
    run_command("python -m sw", _run)


if __name__ == "__main__":
    command()
