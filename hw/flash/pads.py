"""The pins of a flash on an iCE40."""

from typing import Any

from amaranth.hdl import ClockSignal, Const, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.flash.pins import WIRES, FlashPins

__all__ = ["FlashPads"]

# Of an SB_IO: what it drives, and an input without a register.
_DRIVEN = 0b0110_01
_DRIVEN_TWICE_A_CYCLE = 0b0100_01
_DRIVEN_IF_ENABLED = 0b1010_01


class FlashPads(wiring.Component):
    """Pin cells for `FlashPins` at the full rate: no register but that of the clock, which pulses in a half cycle.

    At half the rate the clock's pin is an ordinary one.

    Parameters
    ----------
    cs_n, sck, io : IOValue
        Pins of the FPGA; ``io`` has 4 of them.
    half_rate : bool
        See `hw.flash.controller.QspiFlash`.

    Members
    -------
    pins : In(FlashPins())
    """

    pins: Any

    def __init__(self, cs_n: Any, sck: Any, io: Any, *, half_rate: bool = False) -> None:
        self._cs_n, self._sck, self._io = cs_n, sck, io
        self._half_rate = half_rate
        super().__init__({"pins": In(FlashPins())})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        pins = self.pins
        m.submodules.cs_n = Instance(
            "SB_IO", p_PIN_TYPE=Const(_DRIVEN, 6), io_PACKAGE_PIN=self._cs_n, i_D_OUT_0=pins.cs_n
        )
        if self._half_rate:
            m.submodules.sck = Instance(
                "SB_IO", p_PIN_TYPE=Const(_DRIVEN, 6), io_PACKAGE_PIN=self._sck, i_D_OUT_0=pins.sck_en
            )
        else:
            m.submodules.sck = Instance(
                "SB_IO",
                p_PIN_TYPE=Const(_DRIVEN_TWICE_A_CYCLE, 6),
                io_PACKAGE_PIN=self._sck,
                i_OUTPUT_CLK=ClockSignal(),
                i_D_OUT_0=Const(0),
                i_D_OUT_1=pins.sck_en,
            )
        for wire in range(WIRES):
            m.submodules[f"io_{wire}"] = Instance(
                "SB_IO",
                p_PIN_TYPE=Const(_DRIVEN_IF_ENABLED, 6),
                io_PACKAGE_PIN=self._io[wire],
                i_OUTPUT_ENABLE=pins.io_oe,
                i_D_OUT_0=pins.io_o[wire],
                o_D_IN_0=pins.io_i[wire],
            )
        return m
