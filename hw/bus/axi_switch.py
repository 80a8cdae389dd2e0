"""Two AXI4 masters on one slave, in few cells."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import Axi4Read, Axi4Write, payload_of

__all__ = ["AxiSwitch"]


class AxiSwitch(wiring.Component):
    """A switch that gives bursts turns, one at a time from its address to its end, reads and writes by themselves.

    After a burst of one master the turn goes to the other one if that asks, so that nobody waits for more than one
    burst. What it passes on goes through combinationally; :class:`hw.bus.axi_arbiter.AxiArbiter` takes many times the
    cells and keeps the slave busy.

    Latency: 1 cycle to the beginning of a burst. Throughput: one beat per cycle, and a cycle between bursts.

    Parameters
    ----------
    bus_bytes : int
        Width of the data buses.

    Members
    -------
    s_axi_read : In(Axi4Read(bus_bytes)).array(2)
    s_axi_write : In(Axi4Write(bus_bytes)).array(2)
        From the masters. The data of a burst may be offered before their address, but are not taken before its turn.
    m_axi_read : Out(Axi4Read(bus_bytes))
    m_axi_write : Out(Axi4Write(bus_bytes))
        To the slave.
    """

    s_axi_read: Any
    s_axi_write: Any
    m_axi_read: Any
    m_axi_write: Any

    def __init__(self, bus_bytes: int) -> None:
        super().__init__(
            {
                "s_axi_read": In(Axi4Read(bus_bytes)).array(2),
                "s_axi_write": In(Axi4Write(bus_bytes)).array(2),
                "m_axi_read": Out(Axi4Read(bus_bytes)),
                "m_axi_write": Out(Axi4Write(bus_bytes)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        read, write = self.m_axi_read, self.m_axi_write
        self._pass(m, "ar", "r", self.s_axi_read, read, read.rlast)
        self._pass(m, "aw", "b", self.s_axi_write, write, 1, data="w")
        return m

    @staticmethod
    def _pass(m: Module, address: str, answer: str, masters: Any, slave: Any, last: Any, data: str = "") -> None:
        """Pass on the bursts of one direction; the one under way ends with the ``last`` answer."""

        def valid(bus: Any, channel: str) -> Signal:
            return getattr(bus, channel + "valid")

        def ready(bus: Any, channel: str) -> Signal:
            return getattr(bus, channel + "ready")

        turn, begun = Signal(name=f"{address}_turn"), Signal(name=f"{address}_begun")
        first, second = masters
        with m.If(~begun):
            # A master that asks alone has the turn, of two the one that had not the last.
            m.d.sync += [
                turn.eq(Mux(turn, ~valid(first, address), valid(second, address))),
                begun.eq(valid(first, address) | valid(second, address)),
            ]
        with m.Elif(valid(slave, answer) & ready(slave, answer) & last):
            m.d.sync += begun.eq(0)
        # Of a burst one address passes, and data up to the last ones.
        for channel, end in ((address, 1), (data, slave.wlast)) if data else ((address, 1),):
            passed = Signal(name=f"{channel}_passed")
            passes = begun & ~passed
            m.d.sync += passed.eq(begun & (passed | (valid(slave, channel) & ready(slave, channel) & end)))
            m.d.comb += [
                payload_of(slave, channel).eq(Mux(turn, payload_of(second, channel), payload_of(first, channel))),
                valid(slave, channel).eq(passes & Mux(turn, valid(second, channel), valid(first, channel))),
            ]
            for number, master in enumerate(masters):
                m.d.comb += ready(master, channel).eq(passes & (turn == number) & ready(slave, channel))
        for number, master in enumerate(masters):
            m.d.comb += [
                payload_of(master, answer).eq(payload_of(slave, answer)),
                valid(master, answer).eq(valid(slave, answer) & (turn == number)),
            ]
        m.d.comb += ready(slave, answer).eq(Mux(turn, ready(second, answer), ready(first, answer)))
