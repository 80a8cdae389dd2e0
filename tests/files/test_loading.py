"""Errors inside a loader come out as one line."""

from pathlib import Path

import pytest

from files.loading import loading


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("rows must be 1\nand more"), "rows must be 1"),
        (KeyError("rows"), "'rows' is missing"),
        (TypeError("a \x1b[2J"), "a \\x1b[2J"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (MemoryError(), "it is larger than the memory"),
        (OverflowError("x" * 1000), "x" * 297 + "..."),
    ],
)
def test_every_kind_is_one_refusal(error: Exception, reason: str) -> None:
    with pytest.raises(ValueError) as caught, loading(Path("a.bin"), "an image"):
        raise error
    assert str(caught.value) == f"a.bin is not an image: {reason}"


def test_errors_of_the_system_stay() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"), loading("nowhere", "an image"):
        Path("nowhere").read_bytes()


def test_what_is_sound_is_returned() -> None:
    def load() -> int:
        with loading("a", "an image"):
            return 5

    assert load() == 5
