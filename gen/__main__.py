"""``python -m gen``."""

import sys
from typing import NoReturn

try:
    from cli.run_command import run_command
except ModuleNotFoundError:
    sys.exit("run python -m gen in the repository's folder")


def _run() -> int:
    from gen.cli import main  # noqa: PLC0415  # takes a while, in which the command can be stopped

    return main(sys.argv[1:])


def command() -> NoReturn:
    """Run the command as all of this process."""
    run_command("python -m gen", _run)


if __name__ == "__main__":
    command()
