"""Arguments and exit statuses of ``python -m sw``."""

import argparse
from collections.abc import Sequence

from cli.exit_status import exit_status
from cli.failure import Failure
from cli.parser import Parser
from spec.device import DeviceError
from sw.cli import classify, embed, flash_image, matmul, quantize, trace

__all__ = ["main"]

WRONG_RESULT = 1

NAME = "python -m sw"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0; 1 if the device failed or any result is not bit exact; else what :func:`cli.exit_status.exit_status` says.
    """
    parser = Parser(prog=NAME, description="Runs quantized BERTs and matrix products on the accelerator.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for command in (classify, embed, quantize, matmul, trace, flash_image):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    return exit_status(NAME, lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    try:
        return int(options.run(options))
    except DeviceError as error:
        raise Failure(f"the device stopped: {error}", WRONG_RESULT) from error
