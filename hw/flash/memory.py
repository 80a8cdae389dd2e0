"""A flash and a RAM behind one AXI4 bus."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import Axi4Read, Axi4Write
from hw.flash.controller import BUS_BYTES, QspiFlash
from hw.flash.pins import FlashPins
from hw.flash.ram import FlashRam
from spec.flash_chip import FlashChip

__all__ = ["FlashMemory"]


class FlashMemory(wiring.Component):
    """AXI4 slave: a flash from address 0 on that can be read, and right behind it a RAM of 32 KiB that can be written.

    `QspiFlash` and `FlashRam` have the details. Accesses to other addresses, and writes to the flash, are answered with
    SLVERR. A read sees every write that was acknowledged before.

    Parameters
    ----------
    chip : FlashChip
    clock_hz : float
        Frequency of the clock domain ``sync``.
    half_rate : bool
        See `QspiFlash`.

    Members
    -------
    axi_read : In(Axi4Read(4))
    axi_write : In(Axi4Write(4))
    pins : Out(FlashPins())

    Raises
    ------
    ValueError
        The chip cannot work with this clock, or its size is no multiple of the RAM's.
    """

    axi_read: Any
    axi_write: Any
    pins: Any

    def __init__(self, chip: FlashChip, clock_hz: float, *, half_rate: bool = False) -> None:
        self._ram = FlashRam(chip.size)
        self._flash = QspiFlash(chip, clock_hz, half_rate=half_rate)
        super().__init__(
            {"axi_read": In(Axi4Read(BUS_BYTES)), "axi_write": In(Axi4Write(BUS_BYTES)), "pins": Out(FlashPins())}
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.flash = flash = self._flash
        m.submodules.ram = ram = self._ram
        connect(m, flipped(self.axi_read), flash.axi_read)
        connect(m, flipped(self.axi_write), ram.axi_write)
        connect(m, flash.ram, ram.read)
        connect(m, flash.pins, flipped(self.pins))
        return m
