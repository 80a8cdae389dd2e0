"""An AXI4 bus from one clock to another."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import Axi4Read, Axi4Write, payload_of
from hw.bus.stream_crossing import StreamCrossing

__all__ = ["AxiCrossing"]

_DEPTH = 16
"""Transfers that a channel holds; the way there and back takes about ten cycles."""


class AxiCrossing(wiring.Component):
    """A crossing of AXI's five channels, each through an asynchronous queue; clocks may have any ratio and phase.

    Every channel stops its sender when it is full, so that a reader that does not take its beats stops the slave.
    Outputs, ``ready`` among them, come out of registers. Both domains must be reset together, for four cycles of each,
    as at power-on; a reset of one alone loses or repeats transfers.

    Latency of each channel: 4 to 5 cycles of the receiver. Throughput: one transfer per cycle of the slower clock, in
    bursts of any length.

    Parameters
    ----------
    bus_bytes : int
        Width of the data bus.
    master_domain, slave_domain : str
        Clock domains of the master and of the slave.

    Members
    -------
    s_axi_read : In(Axi4Read(bus_bytes))
    s_axi_write : In(Axi4Write(bus_bytes))
        From the master.
    m_axi_read : Out(Axi4Read(bus_bytes))
    m_axi_write : Out(Axi4Write(bus_bytes))
        To the slave.
    """

    s_axi_read: Any
    s_axi_write: Any
    m_axi_read: Any
    m_axi_write: Any

    def __init__(self, bus_bytes: int, *, master_domain: str = "sync", slave_domain: str = "sdram") -> None:
        self._domains = (master_domain, slave_domain)
        super().__init__(
            {
                "s_axi_read": In(Axi4Read(bus_bytes)),
                "s_axi_write": In(Axi4Write(bus_bytes)),
                "m_axi_read": Out(Axi4Read(bus_bytes)),
                "m_axi_write": Out(Axi4Write(bus_bytes)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        there, back = self._domains, self._domains[::-1]
        self._carry(m, "ar", self.s_axi_read, self.m_axi_read, *there)
        self._carry(m, "r", self.m_axi_read, self.s_axi_read, *back)
        self._carry(m, "aw", self.s_axi_write, self.m_axi_write, *there)
        self._carry(m, "w", self.s_axi_write, self.m_axi_write, *there)
        self._carry(m, "b", self.m_axi_write, self.s_axi_write, *back)
        return m

    def _carry(self, m: Module, channel: str, sender: Any, receiver: Any, i_domain: str, o_domain: str) -> None:
        payload = payload_of(sender, channel)
        crossing = StreamCrossing(len(payload), _DEPTH, i_domain=i_domain, o_domain=o_domain)
        m.submodules[channel] = crossing
        m.d.comb += [
            crossing.i.payload.eq(payload),
            crossing.i.valid.eq(getattr(sender, channel + "valid")),
            getattr(sender, channel + "ready").eq(crossing.i.ready),
            payload_of(receiver, channel).eq(crossing.o.payload),
            getattr(receiver, channel + "valid").eq(crossing.o.valid),
            crossing.o.ready.eq(getattr(receiver, channel + "ready")),
        ]
