"""An accelerator with a host on a serial line, its program in a flash, and its inputs and outputs in a RAM."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.accelerator import Accelerator
from hw.flash.controller import BUS_BYTES
from hw.flash.pins import FlashPins
from hw.system.flash_shell import FlashShell
from spec.config import AcceleratorConfig
from spec.flash_chip import FlashChip

__all__ = ["FlashSystem"]


class FlashSystem(wiring.Component):
    """What a board of few cells holds but for its clock and pins.

    The host reaches registers and memory over the serial line, the accelerator the same memory: the flash from address
    0 on, which neither can write, and the RAM behind it. The two take turns. Until the flash has been brought up,
    accesses to memory wait.

    Parameters
    ----------
    config : AcceleratorConfig
    chip : FlashChip
    clock_hz : float
        Frequency of the clock domain ``sync``.
    baud : float
        Bits in a second of the serial line.
    half_rate : bool
        See `hw.flash.controller.QspiFlash`.

    Members
    -------
    pins : Out(FlashPins())
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.
    irq : Out(1)
        A program has ended, for a LED; the host must have enabled it.

    Raises
    ------
    ValueError
        If the bus is not 4 bytes wide, or see `FlashShell`.
    """

    pins: Any
    rx: Any
    tx: Any
    irq: Any

    def __init__(
        self, config: AcceleratorConfig, chip: FlashChip, *, clock_hz: float, baud: float, half_rate: bool = False
    ) -> None:
        if config.bus_bytes != BUS_BYTES:
            raise ValueError(f"bus_bytes must be {BUS_BYTES}, not {config.bus_bytes!r}")
        self._shell = FlashShell(chip, clock_hz=clock_hz, baud=baud, half_rate=half_rate)
        self._accelerator = Accelerator(config)
        super().__init__({"pins": Out(FlashPins()), "rx": In(1, init=1), "tx": Out(1, init=1), "irq": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.accelerator = accelerator = self._accelerator
        m.submodules.shell = shell = self._shell
        m.d.comb += [shell.rx.eq(self.rx), self.tx.eq(shell.tx), self.irq.eq(accelerator.irq)]
        connect(m, shell.axil, accelerator.s_axil)
        connect(m, accelerator.m_axi_read, shell.axi_read)
        connect(m, accelerator.m_axi_write, shell.axi_write)
        connect(m, shell.pins, flipped(self.pins))
        return m
