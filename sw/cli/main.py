"""Arguments and exit statuses of ``python -m sw``."""

import argparse
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

from hw.one_line import one_line
from sim.device import DeviceError
from sw.cli import classify, flash_image, matmul, quantize, trace

__all__ = ["main"]

WRONG_RESULT = 1
WRONG_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0; 1 if the device failed or any result is not bit exact; 2 with one line on standard error if arguments or
        files are wrong.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack characters that a text has
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _Parser(prog="python -m sw", description="Runs quantized BERTs and matrix products on the accelerator.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for command in (classify, quantize, matmul, trace, flash_image):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except DeviceError as error:
        return _fail(f"the device stopped: {error}", WRONG_RESULT)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), WRONG_INPUT)
    except (RuntimeError, ValueError, ModuleNotFoundError) as error:
        return _fail(str(error), WRONG_INPUT)
    except KeyboardInterrupt:
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"{self.prog}: {one_line(message)}\n")


def _fail(message: str, status: int) -> int:
    first_line = message.partition("\n")[0]
    print(f"python -m sw: {one_line(first_line)}", file=sys.stderr)
    return status
