"""Shows how far the memory of a board has been written."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Upload"]

LEAST_BYTES = 1 << 20
"""What is less is written in no time."""


class Upload:
    """A bar on the terminal, while there is much to write; to be called with the bytes written and those in all.

    Use it in a ``with`` statement, so that the bar goes away if writing fails.

    Parameters
    ----------
    console : Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        if total < LEAST_BYTES or not self._console.is_terminal:
            return
        if not self._bar:
            columns = (TextColumn("writing the board's memory"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._bar.add_task("", total=total)
        self._bar.update(self._bar.task_ids[0], completed=done)
        if done == total:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None
