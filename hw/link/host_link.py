"""The link between a host's serial port and the chip's buses."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.link.byte_link import ByteLink
from hw.link.chip_buses import chip_buses, pass_buses
from hw.link.compact.bus_port import BUS_BYTES
from hw.link.compact.compact_link import CompactLink
from hw.link.uart_receiver import UartReceiver
from hw.link.uart_transmitter import UartTransmitter

__all__ = ["HostLink"]


class HostLink(wiring.Component):
    """A link that reads and writes memory and registers over a UART, in the frames of :mod:`spec.link`.

    Lost, damaged and repeated frames change nothing, and no bytes make it hang; a bus that does not answer does. It
    must not be reset during an access, unless its buses are too.

    Latency: from the last bit of a request to the first of its answer about 30 cycles and the access. Throughput:
    that of the line; requests may follow each other at once as long as ``FIFO_BYTES`` hold those not yet answered.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock.
    baud : float
        Bits in a second.
    bus_bytes : int
        Width of the memory bus in bytes: 2, 4, 8 or 16.
    compact : bool
        Take :class:`hw.link.compact.compact_link.CompactLink`, half as large, for a bus of 4 bytes; it is slower, see
        there.

    Members
    -------
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.
    axil : Out(AxiLite(12))
    axi_read : Out(Axi4Read(bus_bytes))
    axi_write : Out(Axi4Write(bus_bytes))

    Raises
    ------
    ValueError
        If a bit is shorter than four clocks or ``bus_bytes`` is another number.
    """

    rx: Any
    tx: Any
    axil: Any
    axi_read: Any
    axi_write: Any

    def __init__(self, *, clock_hz: float, baud: float, bus_bytes: int, compact: bool = False) -> None:
        if compact and bus_bytes != BUS_BYTES:
            raise ValueError(f"bus_bytes of a compact link must be {BUS_BYTES}, not {bus_bytes!r}")
        self._receiver = UartReceiver(clock_hz, baud)
        self._transmitter = UartTransmitter(clock_hz, baud)
        self._link = CompactLink() if compact else ByteLink(bus_bytes)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                **chip_buses(bus_bytes),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = self._receiver
        m.submodules.transmitter = transmitter = self._transmitter
        m.submodules.link = link = self._link
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        connect(m, receiver.o, link.i)
        connect(m, link.o, transmitter.i)
        pass_buses(m, link, self)
        return m
