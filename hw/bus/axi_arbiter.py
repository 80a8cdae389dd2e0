"""Several AXI4 masters on one slave."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import Axi4Read, Axi4Write, payload_of
from hw.bus.stream_buffer import StreamBuffer
from hw.bus.stream_fifo import StreamFifo

__all__ = ["AxiArbiter"]


class AxiArbiter(wiring.Component):
    """An arbiter that gives whole bursts turns, reads and writes by themselves.

    After a burst of one master the turn goes to the next one that asks, so that nobody waits for more than one burst of
    each of the others. Answers go back in the order of bursts, which the slave must keep: all IDs are 0. A burst of
    writes takes the slave's data channel until its last beat; a master that stops in its middle holds up the others.
    All masters must be reset together with the arbiter, unless nothing of theirs is outstanding.

    No path leads from one master to another, from a master's ``arvalid``, ``awvalid`` or ``wvalid`` to its ``ready`` or
    to the slave, nor from the slave's ``arready``, ``awready`` or ``wready`` to a master. ``r`` and ``b`` pass through
    one level of logic.

    Latency: 1 cycle on ``ar`` and ``aw``, 2 if another master had the last turn; 1 on ``w``, or 1 from its address if
    that is later; 0 on ``r`` and ``b``. Throughput: one burst and one beat per cycle on every channel, also from burst
    to burst and from master to master. Addresses of writes go ahead of their data by up to two bursts; if the slave
    takes no data before their address, bursts of a single beat pass only in two of three cycles.

    Parameters
    ----------
    bus_bytes : int
        Width of the data buses.
    masters : int
        How many there are; at least 2.
    outstanding : int
        Bursts of each direction that may be under way at once; at least 2.

    Members
    -------
    s_axi_read : In(Axi4Read(bus_bytes)).array(masters)
    s_axi_write : In(Axi4Write(bus_bytes)).array(masters)
        From the masters.
    m_axi_read : Out(Axi4Read(bus_bytes))
    m_axi_write : Out(Axi4Write(bus_bytes))
        To the slave.

    Raises
    ------
    ValueError
        If ``masters`` or ``outstanding`` is less than 2.
    """

    s_axi_read: Any
    s_axi_write: Any
    m_axi_read: Any
    m_axi_write: Any

    def __init__(self, bus_bytes: int, masters: int = 2, *, outstanding: int = 16) -> None:
        if masters < 2:
            raise ValueError(f"masters must be at least 2, not {masters!r}")
        if outstanding < 2:
            raise ValueError(f"outstanding must be at least 2, not {outstanding!r}")
        self._masters = masters
        self._outstanding = outstanding
        super().__init__(
            {
                "s_axi_read": In(Axi4Read(bus_bytes)).array(masters),
                "s_axi_write": In(Axi4Write(bus_bytes)).array(masters),
                "m_axi_read": Out(Axi4Read(bus_bytes)),
                "m_axi_write": Out(Axi4Write(bus_bytes)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        number = range(self._masters)
        m.submodules.readers = readers = StreamFifo(number, self._outstanding)
        m.submodules.writers = writers = StreamFifo(number, self._outstanding)
        m.submodules.data_turns = data_turns = StreamBuffer(number)
        self._grant(m, "ar", self.s_axi_read, self.m_axi_read, [readers.i])
        self._grant(m, "aw", self.s_axi_write, self.m_axi_write, [writers.i, data_turns.i])
        self._pass_data(m, data_turns.o)
        self._answer(m, "r", self.s_axi_read, self.m_axi_read, readers.o, self.m_axi_read.rlast)
        self._answer(m, "b", self.s_axi_write, self.m_axi_write, writers.o, Value.cast(1))
        return m

    def _grant(self, m: Module, channel: str, masters: Any, slave: Any, records: list[stream.Interface]) -> None:
        """Hand addresses to the slave in turn, and record in each of the queues whose they are."""
        turn = Signal(range(self._masters), name=f"{channel}_turn")
        wanted, free = Signal(name=f"{channel}_wanted"), Signal(name=f"{channel}_free")
        payloads = Array(payload_of(master, channel) for master in masters)
        valids = [getattr(master, channel + "valid") for master in masters]
        buffer = StreamBuffer(len(payloads[0]))
        m.submodules[f"{channel}_buffer"] = buffer
        m.d.comb += [
            wanted.eq(Array(valids)[turn]),
            buffer.i.payload.eq(payloads[turn]),
            payload_of(slave, channel).eq(buffer.o.payload),
            getattr(slave, channel + "valid").eq(buffer.o.valid),
            buffer.o.ready.eq(getattr(slave, channel + "ready")),
        ]
        # All of them take it or none.
        sinks = [buffer.i, *records]
        m.d.comb += [
            free.eq(Cat(sink.ready for sink in sinks).all()),
            *(sink.valid.eq(wanted & free) for sink in sinks),
            *(record.payload.eq(turn) for record in records),
        ]
        for number, master in enumerate(masters):
            m.d.comb += getattr(master, channel + "ready").eq(free & (turn == number))

        # Who has the turn keeps it while it waits for the slave, and while nobody else asks.
        with m.If(free | ~wanted), m.Switch(turn):
            for number in range(self._masters):
                with m.Case(number):
                    for distance in reversed(range(1, self._masters)):
                        other = (number + distance) % self._masters
                        with m.If(valids[other]):
                            m.d.sync += turn.eq(other)

    def _pass_data(self, m: Module, turns: stream.Interface) -> None:
        """Pass on the data of one burst after the other."""
        slave = self.m_axi_write
        buffers = []
        for number, master in enumerate(self.s_axi_write):
            payload = payload_of(master, "w")
            m.submodules[f"w_buffer_{number}"] = buffer = StreamBuffer(len(payload))
            buffers.append(buffer)
            m.d.comb += [
                buffer.i.payload.eq(payload),
                buffer.i.valid.eq(master.wvalid),
                master.wready.eq(buffer.i.ready),
                buffer.o.ready.eq(turns.valid & (turns.payload == number) & slave.wready),
            ]
        m.d.comb += [
            payload_of(slave, "w").eq(Array(buffer.o.payload for buffer in buffers)[turns.payload]),
            slave.wvalid.eq(turns.valid & Array(buffer.o.valid for buffer in buffers)[turns.payload]),
            turns.ready.eq(slave.wvalid & slave.wready & slave.wlast),
        ]

    def _answer(self, m: Module, channel: str, masters: Any, slave: Any, owners: stream.Interface, last: Value) -> None:
        """Hand each answer to the master that asked."""
        valid, ready = channel + "valid", channel + "ready"
        for number, master in enumerate(masters):
            m.d.comb += [
                payload_of(master, channel).eq(payload_of(slave, channel)),
                getattr(master, valid).eq(getattr(slave, valid) & owners.valid & (owners.payload == number)),
            ]
        m.d.comb += [
            getattr(slave, ready).eq(
                owners.valid & Array(getattr(master, ready) for master in masters)[owners.payload]
            ),
            owners.ready.eq(getattr(slave, valid) & getattr(slave, ready) & last),
        ]
