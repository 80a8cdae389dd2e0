"""Dividers of the iCE40's PLL."""

import pytest
from amaranth.back import rtlil
from amaranth.hdl import IOPort

from hw.boards.ice40_pll import Ice40Pll
from tests.hw.refusal import assert_refused


def parameters(crystal_hz: float, output_hz: float) -> dict[str, int]:
    pin = IOPort(1, name="pin")
    pll = Ice40Pll(pin, crystal_hz, output_hz)
    ports = {"clock": (pll.clock, None), "locked": (pll.locked, None), "pin": (pin, None)}
    lines = (line.split() for line in rtlil.convert(pll, ports=ports).splitlines() if "parameter" in line)
    return {name[1:]: int(value.split("'")[1], 2) for _, name, value in lines if "'" in value}


@pytest.mark.parametrize(
    ("crystal", "output"), [(12e6, 16.875e6), (12e6, 20.25e6), (12e6, 24e6), (25e6, 100e6), (100e6, 40e6)]
)
def test_oscillator_and_output_are_what_was_asked_for(crystal: float, output: float) -> None:
    found = parameters(crystal, output)
    detector = crystal / (found["DIVR"] + 1)
    oscillator = detector * (found["DIVF"] + 1)
    assert 533e6 <= oscillator <= 1066e6
    assert 10e6 <= detector <= 133e6
    assert oscillator / 2 ** found["DIVQ"] == output


@pytest.mark.parametrize(("crystal", "setting"), [(12e6, 1), (18e6, 2), (100e6, 5)])
def test_filter_follows_the_phase_detector(crystal: float, setting: int) -> None:
    found = parameters(crystal, 6 * crystal if crystal < 20e6 else crystal)
    assert found["DIVR"] == 0
    assert found["FILTER_RANGE"] == setting


@pytest.mark.parametrize("output", [20e6, 15e6, 300e6])
def test_frequencies_that_no_dividers_give(output: float) -> None:
    message = r"^output_hz must be a frequency that a PLL makes of 1.2e\+07 Hz, not "
    assert_refused(message, Ice40Pll, IOPort(1, name="pin"), 12e6, output)
