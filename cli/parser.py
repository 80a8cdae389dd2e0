"""Arguments of commands."""

import argparse
from typing import NoReturn

from cli.exit_status import WRONG_INPUT
from files.one_line import one_line

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """End the process with status 2."""
        self.exit(WRONG_INPUT, f"{self.prog}: {one_line(message)}\n")
