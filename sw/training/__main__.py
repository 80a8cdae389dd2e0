"""``python -m sw.training``: make the default model, step by step or as a whole."""

import sys

if not __package__:
    sys.exit("run python -m sw.training in the repository's folder")

from cli.run_command import run_command


def _run() -> int:
    from sw.training.cli import main  # noqa: PLC0415  # takes a while, in which the command can be stopped

    return main()


if __name__ == "__main__":
    run_command("python -m sw.training", _run)
