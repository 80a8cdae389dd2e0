"""What is put on a ULX3S, an ECP5 with 32 MB of SDRAM."""

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer

from hw.boards.ecp5_pll import Ecp5Pll
from hw.system.sdram_system import SdramSystem
from spec.boards import Board
from spec.sdram_chip import ULX3S_SDRAM

__all__ = ["Ulx3s"]

_CRYSTAL_HZ = 25e6
_PIN_REGISTERS = 2  # one on the way out, one on the way in
_OUTPUTS = {
    "clk_en": "cke",
    "cs": "cs_n",
    "ras": "ras_n",
    "cas": "cas_n",
    "we": "we_n",
    "a": "a",
    "ba": "ba",
    "dqm": "dqm",
}
"""Pins of the platform, which turns over those that are active low, to members of the signature."""


class Ulx3s(Elaboratable):
    """The top of a ULX3S's design: pins, clocks and the system between them.

    Parameters
    ----------
    board : Board
        One of the ULX3S family.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board = self._board
        self._clocks(m, platform)
        m.submodules.system = system = SdramSystem(
            board.config,
            ULX3S_SDRAM,
            clock_hz=board.clocks["sync"],
            sdram_hz=board.clocks["sdram"],
            baud=board.baud,
            read_latency=ULX3S_SDRAM.cas_latency + 2 + _PIN_REGISTERS,
        )

        serial = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", serial.rx)
        m.submodules.tx = tx = io.Buffer("o", serial.tx)
        m.d.comb += [system.rx.eq(rx.i), tx.o.eq(system.tx)]

        self._sdram(m, platform.request("sdram", 0, dir="-"), system.pins)
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.d.comb += led.o.eq(system.irq)
        return m

    def _clocks(self, m: Module, platform: Any) -> None:
        """Make both domains from the crystal.

        They have no reset: registers begin as they are configured, and clocks stand still until they are right. A reset
        would be a wire to everything, across the chip in one cycle.
        """
        clocks = self._board.clocks
        m.submodules.crystal = crystal = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.submodules.pll = pll = Ecp5Pll(_CRYSTAL_HZ, tuple(clocks.values()))
        m.d.comb += pll.clk.eq(crystal.i)
        for name, clock in zip(clocks, pll.clocks, strict=True):
            running, gated = ClockDomain(f"running_{name}", reset_less=True), ClockDomain(name, reset_less=True)
            m.domains += [running, gated]
            m.d.comb += running.clk.eq(clock)
            locked = Signal(name=f"locked_{name}")
            m.submodules[f"locked_{name}"] = FFSynchronizer(pll.locked, locked, o_domain=running.name)
            m.submodules[f"gate_{name}"] = Instance("DCCA", i_CLKI=clock, i_CE=locked, o_CLKO=gated.clk)

    @staticmethod
    def _sdram(m: Module, ports: Any, pins: Any) -> None:
        """Put a register at each pin; the chip's clock is turned over, so that it samples in the middle of a cycle."""
        m.submodules.sdram_clk = clk = io.DDRBuffer("o", ports.clk, o_domain="sdram")
        m.d.comb += [clk.o[0].eq(0), clk.o[1].eq(1)]
        for port, member in _OUTPUTS.items():
            m.submodules[f"sdram_{port}"] = buffer = io.FFBuffer("o", getattr(ports, port), o_domain="sdram")
            value = getattr(pins, member)
            m.d.comb += buffer.o.eq(~value if member.endswith("_n") else value)
        m.submodules.sdram_dq = dq = io.FFBuffer("io", ports.dq, i_domain="sdram", o_domain="sdram")
        m.d.comb += [dq.o.eq(pins.dq_o), dq.oe.eq(pins.dq_oe), pins.dq_i.eq(dq.i)]
