"""A command as a process: signals, streams, and an end in time."""

import io
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from cli.exit_status import BY_SIGNAL, exit_status, stopped_by
from cli.stopped import Stopped

__all__ = ["run_command"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

GRACE_SECONDS = 1.5
"""After this a command that was told to stop ends wherever it is."""

RETRY_SECONDS = 0.02

_SHOW_CURSOR = b"\x1b[?25h"


def run_command(name: str, run: Callable[[], int]) -> NoReturn:
    """Run a command as all of a process; what it needs should be imported in ``run``, when signals are handled.

    The first of SIGINT, SIGTERM and SIGHUP raises :class:`cli.stopped.Stopped` in the main thread; further ones change
    nothing. If the main thread does not end in time, as it may be deep in somebody else's code or have that exception
    swallowed, another one ends the process. Worker processes and tools must end by themselves when their parent has:
    see :mod:`cli.workers` and :mod:`gen.flow.process`.

    Parameters
    ----------
    name : str
        What begins the lines on standard error.
    run : callable
        The command; returns its status, and raises what :func:`cli.exit_status.exit_status` knows.
    """
    _open_streams()
    if not sys.warnoptions:
        # A design whose elaboration is given up says so of each of its parts.
        warnings.filterwarnings("ignore", message=".* created but never used")
    stopping = _Stopping(name)
    status = exit_status(name, lambda: _status(run))
    written = exit_status(name, _flush)
    status = status if status > BY_SIGNAL or not written else written
    if status > BY_SIGNAL or written:
        # Threads may still be at work, and streams have nowhere to be flushed to.
        stopping.end(status)
    sys.exit(status)


def _status(run: Callable[[], int]) -> int:
    """Run a command that may also end with ``sys.exit``, as argparse does."""
    try:
        return run()
    except SystemExit as end:
        if isinstance(end.code, str):
            raise RuntimeError(end.code) from None
        return end.code or 0


def _open_streams() -> None:
    """Have standard streams that take any text, or say why they do not."""
    # What is closed fails when it is written to, and its number goes to no other file.
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            closed = os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
            if closed != number:
                os.dup2(closed, number)
                os.close(closed)
    encoding = getattr(sys.stdout, "encoding", None)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_StandardOutput(1, "wb", closefd=False)),
        encoding=encoding,
        errors="backslashreplace",  # a terminal may lack characters that a text has
        line_buffering=os.isatty(1),
    )
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115  # for good


class _StandardOutput(io.FileIO):
    """Names itself where it cannot be written."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = "standard output"
            raise


def _flush() -> int:
    sys.stdout.flush()
    return 0


class _Stopping:
    """Turns signals into :class:`Stopped`, and into the end of the process if that has no effect."""

    def __init__(self, name: str) -> None:
        self._name = name
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        # Python's own handlers wait for the main thread's next step; this does not.
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        sys.unraisablehook = self._unraised
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()

    def end(self, status: int) -> NoReturn:
        """End the process at once."""
        if os.isatty(2):
            os.write(2, _SHOW_CURSOR)
        os._exit(status)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    def _unraised(self, what: "sys.UnraisableHookArgs") -> None:
        """Try again a moment later where an exception had no effect, as in a finalizer."""
        if isinstance(what.exc_value, Stopped):
            number = what.exc_value.number
            signal.signal(number, self._stop)
            threading.Timer(RETRY_SECONDS, os.kill, (os.getpid(), number)).start()
        else:
            sys.__unraisablehook__(what)

    def _watch(self, reader: int) -> None:
        number = os.read(reader, 1)[0]
        time.sleep(GRACE_SECONDS)
        with suppress(OSError):
            os.write(2, f"{self._name}: {stopped_by(number)}\n".encode())
        self.end(BY_SIGNAL + number)
