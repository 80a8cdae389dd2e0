"""What a long command is doing."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.terminal import Terminal

__all__ = ["Steps"]

_MINUTE = 60.0


class Steps:
    """Says on standard error, in a ``with`` statement, at which step a command is and how long it has been at it.

    A terminal shows the step that is under way; elsewhere each gets a line when it begins and one every minute. To be
    called with the name of a step when it begins.

    Parameters
    ----------
    what : str
        What is being made.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._console = Terminal(stderr=True)
        columns = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._progress = Progress(
            *columns, console=self._console, transient=True, refresh_per_second=2, disable=not self._console.is_terminal
        )
        self._started = time.monotonic()
        self._step = ""
        self._over = threading.Event()

    @property
    def seconds(self) -> float:
        """Time since the object was made."""
        return time.monotonic() - self._started

    def __call__(self, step: str) -> None:
        self._step = step
        if self._console.is_terminal:
            for task in self._progress.task_ids:
                self._progress.remove_task(task)
            self._progress.add_task(f"{self._what}: {step}", total=None)
        else:
            self._print(f"{self._what}: {step}")

    def __enter__(self) -> Self:
        self._progress.start()
        if not self._console.is_terminal:
            threading.Thread(target=self._remind, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._progress.stop()

    def done(self, what: str) -> None:
        """Say what has come of it, and how long that took in all."""
        self._print(f"{what} in {self.seconds:.1f} s")

    def _remind(self) -> None:
        while not self._over.wait(_MINUTE):
            self._print(f"{self._what}: {self._step}, {self.seconds / _MINUTE:.0f} min so far")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False)
