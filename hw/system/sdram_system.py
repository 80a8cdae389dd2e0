"""An accelerator with a host on a serial line and its memory in an SDRAM."""

from typing import Any

from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.accelerator import Accelerator
from hw.bus.axi_arbiter import AxiArbiter
from hw.bus.axi_crossing import AxiCrossing
from hw.link.host_link import HostLink
from hw.sdram.controller import SdramController
from hw.sdram.pins import SdramPins
from spec.config import AcceleratorConfig
from spec.sdram_chip import SdramChip

__all__ = ["SdramSystem"]


class SdramSystem(wiring.Component):
    """What a board holds but for its clocks and pins.

    The host reaches registers and memory over the serial line, the accelerator the same memory, from address 0 on; what
    lies beyond the chip is answered with an error. The two take turns, so that the host may write while a program runs.

    Accelerator and link are in the domain ``sync``, the controller and ``pins`` in ``sdram``; they need not be related,
    and must be reset together. Until the chip has been brought up, accesses to memory wait.

    Parameters
    ----------
    config : AcceleratorConfig
        Its bus must be 2, 4, 8 or 16 bytes wide.
    chip : SdramChip
    clock_hz : float
        Frequency of ``sync``.
    sdram_hz : float
        Frequency of ``sdram``.
    baud : float
        Bits in a second of the serial line.
    read_latency : int, optional
        See `SdramController`.

    Members
    -------
    pins : Out(SdramPins())
        In the domain ``sdram``.
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.
    irq : Out(1)
        A program has ended, for a LED; the host must have enabled it.

    Raises
    ------
    ValueError
        See `HostLink` and `SdramController`.
    """

    pins: Any
    rx: Any
    tx: Any
    irq: Any

    def __init__(
        self,
        config: AcceleratorConfig,
        chip: SdramChip,
        *,
        clock_hz: float,
        sdram_hz: float,
        baud: float,
        read_latency: int | None = None,
    ) -> None:
        self._bus_bytes = config.bus_bytes
        self._link = HostLink(clock_hz=clock_hz, baud=baud, bus_bytes=config.bus_bytes)
        self._controller = SdramController(chip, sdram_hz, config.bus_bytes, read_latency=read_latency)
        self._accelerator = Accelerator(config)
        super().__init__({"pins": Out(SdramPins()), "rx": In(1, init=1), "tx": Out(1, init=1), "irq": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.accelerator = accelerator = self._accelerator
        m.submodules.link = link = self._link
        m.submodules.arbiter = arbiter = AxiArbiter(self._bus_bytes)
        m.submodules.crossing = crossing = AxiCrossing(self._bus_bytes)
        controller = self._controller
        m.submodules.controller = DomainRenamer("sdram")(controller)

        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx), self.irq.eq(accelerator.irq)]
        connect(m, link.axil, accelerator.s_axil)
        connect(m, accelerator.m_axi_read, arbiter.s_axi_read[0])
        connect(m, accelerator.m_axi_write, arbiter.s_axi_write[0])
        connect(m, link.axi_read, arbiter.s_axi_read[1])
        connect(m, link.axi_write, arbiter.s_axi_write[1])
        connect(m, arbiter.m_axi_read, crossing.s_axi_read)
        connect(m, arbiter.m_axi_write, crossing.s_axi_write)
        connect(m, crossing.m_axi_read, controller.axi_read)
        connect(m, crossing.m_axi_write, controller.axi_write)
        connect(m, controller.pins, flipped(self.pins))
        return m
