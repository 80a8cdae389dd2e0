"""Times in cycles, and what no chip has."""

import re

import pytest

from spec.flash_chip import ICEBREAKER_FLASH, FlashChip


def test_cycles_are_rounded_up() -> None:
    assert [FlashChip.cycles(ns, 24e6) for ns in (1, 41, 42, 83, 84, 3000)] == [1, 1, 2, 2, 3, 72]
    assert FlashChip.cycles(50, 100e6) == 5, "a whole number of cycles is not rounded up"


def test_the_real_chip() -> None:
    assert ICEBREAKER_FLASH.size == 16 << 20
    assert not ICEBREAKER_FLASH.quad_enabled


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 128}, "size must be a power of two from 256 to 16777216, not 128"),
        ({"size": 1 << 25}, "size must be a power of two from 256 to 16777216, not 33554432"),
        ({"size": 384}, "size must be a power of two from 256 to 16777216, not 384"),
        ({"release_ns": 0}, "release_ns must be positive, not 0"),
        ({"max_clock_hz": -1.0}, "max_clock_hz must be positive, not -1.0"),
    ],
)
def test_impossible_chips_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        FlashChip(**fields)


def test_impossible_clock_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^clock_hz must be positive, not 0$"):
        FlashChip.cycles(1, 0)
