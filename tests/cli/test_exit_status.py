"""Exceptions as statuses and lines."""

import errno

import pytest

from cli.exit_status import exit_status
from cli.failure import Failure


def fails(error: BaseException) -> int:
    def run() -> int:
        raise error

    return exit_status("name", run, error="error: ")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("a\nb"), 2, "error: a"),
        (ValueError("a\x1b[31m"), 2, r"error: a\x1b[31m"),
        (OSError(errno.ENOSPC, "No space left on device", "file"), 2, "error: file: No space left on device"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: No space left on device"),
        (OSError("something else"), 2, "error: something else"),
        (MemoryError(), 2, "error: there is not enough memory"),
        (ModuleNotFoundError("torch is needed"), 2, "error: torch is needed"),
        (Failure("wrong", 1), 1, "error: wrong"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_line_and_status(error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(error) == status
    assert capsys.readouterr().err == f"name: {line}\n"


def test_notes_follow_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    cause = RuntimeError("cause")
    cause.add_note("kept")
    failure = Failure("wrong", 1)
    failure.__cause__ = cause
    assert fails(failure) == 1
    assert capsys.readouterr().err == "name: error: wrong; kept\n"


def test_broken_pipe_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(BrokenPipeError()) == 141
    assert not capsys.readouterr().err


def test_faults_of_the_program_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        fails(ZeroDivisionError())
