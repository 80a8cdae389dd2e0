"""The iCEBreaker: an iCE40UP5K whose flash holds configuration and program."""

import importlib
from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import connect
from amaranth.utils import ceil_log2

from gen.boards.board import Board
from gen.boards.ice40_flow import build_for_ice40
from gen.boards.ice40_pll import Ice40Pll
from gen.ice40 import Target
from hw.board.flash_system import FlashSystem
from hw.flash.chip import ICEBREAKER_FLASH
from hw.flash.pads import FlashPads
from hw.link.protocol import BAUD
from hw.presets import PRESETS

__all__ = ["ICEBREAKER"]

_CRYSTAL_HZ = 12e6
_MEMORIES_READY_S = 15e-6
"""Block memories read as zeros for about 3 us after configuration, as Amaranth's platform for iCE40 notes; it waits as
long as this."""


class _IceBreaker(Elaboratable):
    """The top of the design: pins, clock and the system between them."""

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


def _platform() -> Any:
    """Make the platform; its package is imported when a bitstream is made, since nothing else needs it.

    Components know the family by the name that the target of out-of-context synthesis gives it.
    """
    original = importlib.import_module("amaranth_boards.icebreaker").ICEBreakerPlatform
    return type(original.__name__, (original,), {"family": Target.family})()


ICEBREAKER = Board(
    name="icebreaker",
    title="iCEBreaker",
    config=PRESETS["icebreaker"],
    clocks={"sync": 21e6},
    baud=BAUD,
    chip=ICEBREAKER_FLASH,
    platform=_platform,
    design=_IceBreaker,
    flow=build_for_ice40,
    loader="ice40_generic",
    suffix=".bin",
)
"""Its one clock is a multiple of 3/8 MHz."""
