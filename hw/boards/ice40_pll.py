"""The clock of an iCE40 from its crystal."""

from typing import Any

from amaranth.hdl import Const, Instance, IOValue, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

__all__ = ["Ice40Pll"]

_OSCILLATOR_HZ = (533e6, 1066e6)
_PHASE_DETECTOR_HZ = (10e6, 133e6)
_OUTPUT_HZ = (16e6, 275e6)
_INPUT_DIVIDERS = range(1, 17)
_FEEDBACK_DIVIDERS = range(1, 129)
_OUTPUT_EXPONENTS = range(1, 7)
_FILTERS = ((17e6, 1), (26e6, 2), (44e6, 3), (66e6, 4), (101e6, 5), (133e6, 6))
"""Setting of the loop's filter for frequencies of the phase detector up to these."""


class Ice40Pll(wiring.Component):
    """An SB_PLL40_PAD, whose input is a pin that nothing else can use.

    Parameters
    ----------
    pin : IOValue
        Pin of the crystal.
    crystal_hz, output_hz : float
        Frequencies of ``pin`` and ``clock``.

    Members
    -------
    clock : Out(1)
        On the clock network.
    locked : Out(1)
        The frequency is right.

    Raises
    ------
    ValueError
        If no dividers give this frequency. Limits are those of the iCE40 UltraPlus data sheet: oscillator 533 to 1066
        MHz, phase detector 10 to 133 MHz, output 16 to 275 MHz; settings of the filter are those of Lattice's tools.
    """

    clock: Signal
    locked: Signal

    def __init__(self, pin: IOValue, crystal_hz: float, output_hz: float) -> None:
        self._pin = pin
        self._settings = _divide(crystal_hz, output_hz)
        super().__init__({"clock": Out(1), "locked": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        widths = {"DIVR": 4, "DIVF": 7, "DIVQ": 3, "FILTER_RANGE": 3}
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            **{f"p_{name}": Const(value, widths[name]) for name, value in self._settings.items()},
            i_PACKAGEPIN=self._pin,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=self.clock,
            o_LOCK=self.locked,
        )
        return m


def _divide(crystal_hz: float, output_hz: float) -> dict[str, int]:
    """Return the parameters that give the frequency, with the slowest oscillator, which takes the least power."""
    low, high = _OSCILLATOR_HZ
    for input_divider in _INPUT_DIVIDERS:
        detector = crystal_hz / input_divider
        for exponent in _OUTPUT_EXPONENTS:
            oscillator = output_hz * 2**exponent
            feedback = oscillator / detector
            fits = low <= oscillator <= high and feedback.is_integer() and int(feedback) in _FEEDBACK_DIVIDERS
            if fits and _within(detector, _PHASE_DETECTOR_HZ) and _within(output_hz, _OUTPUT_HZ):
                setting = next(setting for limit, setting in _FILTERS if detector <= limit)
                return {
                    "DIVR": input_divider - 1,
                    "DIVF": int(feedback) - 1,
                    "DIVQ": exponent,
                    "FILTER_RANGE": setting,
                }
    raise ValueError(f"output_hz must be a frequency that a PLL makes of {crystal_hz:g} Hz, not {output_hz!r}")


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
