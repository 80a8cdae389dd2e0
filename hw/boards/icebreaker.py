"""What is put on an iCEBreaker, an iCE40UP5K whose flash holds configuration and program."""

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import connect
from amaranth.utils import ceil_log2

from hw.boards.ice40_pll import Ice40Pll
from hw.flash.pads import FlashPads
from hw.system.flash_system import FlashSystem
from spec.boards import Board
from spec.flash_chip import ICEBREAKER_FLASH

__all__ = ["IceBreaker"]

_CRYSTAL_HZ = 12e6
_MEMORIES_READY_S = 15e-6
"""Block memories read as zeros for about 3 us after configuration, as Amaranth's platform for iCE40 notes; it waits as
long as this."""


class IceBreaker(Elaboratable):
    """The top of an iCEBreaker's design: pins, clock and the system between them.

    Parameters
    ----------
    board : Board
        The iCEBreaker.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board = self._board
        self._clock(m, platform)
        m.submodules.system = system = FlashSystem(
            board.config, ICEBREAKER_FLASH, clock_hz=board.clocks["sync"], baud=board.baud
        )

        serial = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", serial.rx)
        m.submodules.tx = tx = io.Buffer("o", serial.tx)
        m.d.comb += [system.rx.eq(rx.i), tx.o.eq(system.tx)]

        flash = platform.request("spi_flash_4x", 0, dir="-")
        m.submodules.pads = pads = FlashPads(flash.cs.io, flash.clk.io, flash.dq.io)
        connect(m, system.pins, pads.pins)
        m.submodules.led = led = io.Buffer("o", platform.request("led_g", 0, dir="-"))
        m.d.comb += led.o.eq(system.irq)
        return m

    def _clock(self, m: Module, platform: Any) -> None:
        """Make the clock from the crystal, and a reset that ends when clock and block memories can be relied on."""
        hertz = self._board.clocks["sync"]
        crystal = platform.request(platform.default_clk, dir="-")
        m.submodules.pll = pll = Ice40Pll(crystal.io, _CRYSTAL_HZ, hertz)
        started, sync = ClockDomain("started", reset_less=True), ClockDomain("sync")
        m.domains += [started, sync]
        locked = Signal()
        m.submodules.locked = FFSynchronizer(pll.locked, locked, o_domain="started")
        # Its highest bit stays when it is reached.
        count = Signal(ceil_log2(int(_MEMORIES_READY_S * hertz)) + 1)
        ready = count[-1]
        with m.If(~locked):
            m.d.started += count.eq(0)
        with m.Elif(~ready):
            m.d.started += count.eq(count + 1)
        m.d.comb += [started.clk.eq(pll.clock), sync.clk.eq(pll.clock), sync.rst.eq(~ready)]
