"""Clocks of an ECP5 from its crystal."""

from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Ecp5Pll"]

_VCO_HZ = (400e6, 800e6)
_PHASE_DETECTOR_HZ = 3.125e6
_MOST = 128  # of each divider
_OUTPUTS = ("OP", "OS", "OS2", "OS3")


class Ecp5Pll(wiring.Component):
    """An EHXPLLL whose outputs have one oscillator in common, as high as it goes.

    Parameters
    ----------
    crystal_hz : float
        Frequency of ``clk``.
    outputs_hz : tuple of float
        Frequencies of the outputs, at most four; the first is met exactly, the others to a hundredth.

    Members
    -------
    clk : In(1)
    clocks : Out(n)
        One bit for each output.
    locked : Out(1)
        The frequencies are right.

    Raises
    ------
    ValueError
        If no dividers give these frequencies. Limits are those of the ECP5 family data sheet (sysCLOCK PLL): oscillator
        400 to 800 MHz, phase detector from 3.125 MHz on.
    """

    clk: Signal
    clocks: Signal
    locked: Signal

    def __init__(self, crystal_hz: float, outputs_hz: tuple[float, ...]) -> None:
        self._input_divider, self._feedback, self._dividers = _divide(crystal_hz, outputs_hz)
        super().__init__({"clk": In(1), "clocks": Out(len(outputs_hz)), "locked": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        ports: dict[str, Any] = {
            "i_CLKI": self.clk,
            "i_CLKFB": self.clocks[0],
            "o_LOCK": self.locked,
            "p_FEEDBK_PATH": "CLKOP",
            "p_CLKI_DIV": self._input_divider,
            "p_CLKFB_DIV": self._feedback,
            "p_PLLRST_ENA": "DISABLED",
            "p_STDBY_ENABLE": "DISABLED",
            "p_DPHASE_SOURCE": "DISABLED",
            "p_INTFB_WAKE": "DISABLED",
            "p_OUTDIVIDER_MUXA": "DIVA",
            "p_OUTDIVIDER_MUXB": "DIVB",
            "p_OUTDIVIDER_MUXC": "DIVC",
            "p_OUTDIVIDER_MUXD": "DIVD",
        }
        ports |= {f"i_{name}": Const(0) for name in ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC")}
        ports |= {f"i_{name}": Const(1) for name in ("PHASEDIR", "PHASESTEP", "PHASELOADREG")}
        for name, divider, clock in zip(_OUTPUTS, self._dividers, self.clocks, strict=False):
            ports |= {
                f"p_CLK{name}_ENABLE": "ENABLED",
                f"p_CLK{name}_DIV": divider,
                f"p_CLK{name}_CPHASE": divider - 1,
                f"p_CLK{name}_FPHASE": 0,
                f"i_ENCLK{name}": Const(0),
                f"o_CLK{name}": clock,
            }
        # Filter of the loop, as Lattice's tools choose it for any frequencies.
        attributes = {"a_ICP_CURRENT": "12", "a_LPF_RESISTOR": "8", "a_MFG_ENABLE_FILTEROPAMP": "1"}
        m.submodules.pll = Instance("EHXPLLL", **ports, **attributes, a_MFG_GMCREF_SEL="2")
        return m


def _divide(crystal_hz: float, outputs_hz: tuple[float, ...]) -> tuple[int, int, list[int]]:
    """Return dividers of the input, the feedback, and the outputs."""
    low, high = _VCO_HZ
    if not 1 <= len(outputs_hz) <= len(_OUTPUTS):
        raise ValueError(f"outputs_hz must be one to {len(_OUTPUTS)} frequencies, not {outputs_hz!r}")
    first = outputs_hz[0]
    for divider in range(min(int(high / first), _MOST), 0, -1):
        vco = divider * first
        if vco < low:
            break
        dividers = [max(1, round(vco / hertz)) for hertz in outputs_hz]
        near = all(abs(vco / d / hertz - 1) < 0.01 for d, hertz in zip(dividers, outputs_hz, strict=True))
        for input_divider in range(1, int(crystal_hz / _PHASE_DETECTOR_HZ) + 1):
            feedback = first * input_divider / crystal_hz
            if near and feedback.is_integer() and 1 <= feedback <= _MOST and max(dividers) <= _MOST:
                return input_divider, int(feedback), dividers
    raise ValueError(f"outputs_hz must be frequencies that a PLL makes of {crystal_hz:g} Hz, not {outputs_hz!r}")
