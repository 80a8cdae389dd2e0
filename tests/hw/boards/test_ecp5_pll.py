"""Dividers of the ECP5's PLL."""

import pytest
from amaranth.back import rtlil

from hw.boards.ecp5_pll import Ecp5Pll
from tests.hw.refusal import assert_refused


def parameters(crystal_hz: float, outputs_hz: tuple[float, ...]) -> dict[str, int]:
    pll = Ecp5Pll(crystal_hz, outputs_hz)
    ports = {name: (getattr(pll, name), None) for name in ("clk", "clocks", "locked")}
    lines = (line.split() for line in rtlil.convert(pll, ports=ports).splitlines() if "parameter" in line)
    return {name[1:]: int(value) for _, name, value in lines if value.isdecimal()}


@pytest.mark.parametrize("outputs", [(80e6, 800e6 / 6), (100e6,), (60e6, 120e6), (90e6, 135e6)])
def test_oscillator_and_outputs_are_what_was_asked_for(outputs: tuple[float, ...]) -> None:
    found = parameters(25e6, outputs)
    first = 25e6 * found["CLKFB_DIV"] / found["CLKI_DIV"]
    oscillator = first * found["CLKOP_DIV"]
    assert 400e6 <= oscillator <= 800e6
    assert 25e6 / found["CLKI_DIV"] >= 3.125e6
    made = [oscillator / found[f"CLK{name}_DIV"] for name in ("OP", "OS")[: len(outputs)]]
    assert made[0] == pytest.approx(outputs[0], rel=1e-9)
    assert made == pytest.approx(list(outputs), rel=0.01)


def test_frequencies_that_no_dividers_give() -> None:
    assert_refused(r"^outputs_hz must be frequencies that a PLL makes of 2.5e\+07 Hz, not ", Ecp5Pll, 25e6, (81.3e6,))
    assert_refused(r"^outputs_hz must be one to 4 frequencies, not \(\)$", Ecp5Pll, 25e6, ())
