"""What stands around an accelerator on a board of few cells."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import Axi4Read, Axi4Write, AxiLite
from hw.bus.axi_switch import AxiSwitch
from hw.flash.controller import BUS_BYTES
from hw.flash.memory import FlashMemory
from hw.flash.pins import FlashPins
from hw.link.host_link import HostLink
from spec.flash_chip import FlashChip
from spec.registers import ADDRESS_BITS

__all__ = ["FlashShell"]


class FlashShell(wiring.Component):
    """Link to the host, flash and RAM, with the buses of an accelerator as ports.

    See :class:`hw.system.flash_system.FlashSystem`.

    Parameters
    ----------
    chip : FlashChip
    clock_hz : float
        Frequency of the clock domain ``sync``.
    baud : float
        Bits in a second of the serial line.
    half_rate : bool
        See `hw.flash.controller.QspiFlash`.

    Members
    -------
    axil : Out(AxiLite(12))
    axi_read : In(Axi4Read(4))
    axi_write : In(Axi4Write(4))
    pins : Out(FlashPins())
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.

    Raises
    ------
    ValueError
        See `HostLink` and `FlashMemory`.
    """

    axil: Any
    axi_read: Any
    axi_write: Any
    pins: Any
    rx: Any
    tx: Any

    def __init__(self, chip: FlashChip, *, clock_hz: float, baud: float, half_rate: bool = False) -> None:
        self._link = HostLink(clock_hz=clock_hz, baud=baud, bus_bytes=BUS_BYTES, compact=True)
        self._memory = FlashMemory(chip, clock_hz, half_rate=half_rate)
        super().__init__(
            {
                "axil": Out(AxiLite(ADDRESS_BITS)),
                "axi_read": In(Axi4Read(BUS_BYTES)),
                "axi_write": In(Axi4Write(BUS_BYTES)),
                "pins": Out(FlashPins()),
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.link = link = self._link
        m.submodules.switch = switch = AxiSwitch(BUS_BYTES)
        m.submodules.memory = memory = self._memory
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        connect(m, link.axil, flipped(self.axil))
        connect(m, flipped(self.axi_read), switch.s_axi_read[0])
        connect(m, flipped(self.axi_write), switch.s_axi_write[0])
        connect(m, link.axi_read, switch.s_axi_read[1])
        connect(m, link.axi_write, switch.s_axi_write[1])
        connect(m, switch.m_axi_read, memory.axi_read)
        connect(m, switch.m_axi_write, memory.axi_write)
        connect(m, memory.pins, flipped(self.pins))
        return m
