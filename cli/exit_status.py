"""The one place where a command's exceptions become its exit status and one line."""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from cli.failure import Failure
from cli.stopped import Stopped
from files.one_line import one_line

__all__ = ["BY_SIGNAL", "WRONG_INPUT", "exit_status", "stopped_by"]

WRONG_INPUT = 2

BY_SIGNAL = 128
"""Shells add a signal's number to this."""


def exit_status(name: str, run: Callable[[], int], *, error: str = "") -> int:
    """Run a command.

    Parameters
    ----------
    name : str
        What begins every line.
    run : callable
        The command; returns its status if all goes well.
    error : str
        What stands before an error's message.

    Returns
    -------
    int
        The command's own; 2 with one line on standard error if input or surroundings are wrong; 128 and the number of
        the signal, with one line, if it was stopped; the same without a line if nobody reads its output any more.
    """
    try:
        return run()
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else int(signal.SIGINT)
        _say(name, stopped_by(number), stop)
        return BY_SIGNAL + number
    except BrokenPipeError:
        return BY_SIGNAL + signal.SIGPIPE
    except Failure as failure:
        _say(name, error + str(failure), failure)
        return failure.status
    except (MemoryError, ModuleNotFoundError, OSError, RuntimeError, TypeError, ValueError) as wrong:
        _say(name, error + _message(wrong), wrong)
        return WRONG_INPUT


def stopped_by(number: int) -> str:
    """Name what a signal does."""
    return "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"


def _say(name: str, message: str, reason: BaseException) -> None:
    """Print a line: the message's first and what was noted on the way."""
    notes = [note for error in (reason, reason.__cause__) for note in getattr(error, "__notes__", ())]
    line = "; ".join([message.partition("\n")[0], *notes])
    with suppress(OSError):
        print(f"{name}: {one_line(line)}", file=sys.stderr, flush=True)


def _message(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ModuleNotFoundError) and str(error) == f"No module named {error.name!r}":
        return f"the Python module {error.name} is not installed; pip install -e . brings what is needed"
    return str(error)
