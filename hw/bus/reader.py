"""One client of the read master: transfers of any length, prefetched as far as its buffer reaches."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import AXI_ADDRESS_BITS
from hw.bus.fault import INDEX_BITS
from hw.bus.packet import packet
from hw.bus.read_port import ReadPort
from hw.bus.stream_fifo import StreamFifo
from hw.bus.stream_stage import StreamStage
from spec.axi import BURST_BEATS
from spec.config import AcceleratorConfig

__all__ = ["Reader", "read_transfer"]

read_transfer = data.StructLayout({"addr": AXI_ADDRESS_BITS, "bytes": AXI_ADDRESS_BITS, "index": INDEX_BITS})
"""``bytes`` (at least 1) from ``addr``, for instruction ``index``. Address bits within a bus word count as zero."""


class Reader(wiring.Component):
    """A reader that splits transfers into bursts and buffers their beats.

    A burst is requested only when the buffer has room for all of it, so that beats never wait on the bus; it ends where
    addresses are a multiple of a full burst, and so never crosses :data:`spec.axi.BOUNDARY_BYTES`. Transfers follow
    one another without waiting for data.

    Latency: 3 cycles from a transfer to its first burst, 4 from a beat to ``o``. Throughput: one beat per cycle,
    as long as the memory answers within about ``depth - 2 * BURST_BEATS`` cycles.

    Parameters
    ----------
    config : AcceleratorConfig
    depth : int
        Beats of the buffer, at least ``BURST_BEATS``.

    Members
    -------
    i : In(stream.Signature(read_transfer))
    port : Out(ReadPort(config))
    o : Out(stream.Signature(packet(bus_bytes)))
    idle : Out(1)
        All transfers have been requested and all beats passed on.
    """

    i: stream.Interface
    port: Any
    o: stream.Interface
    idle: Any

    def __init__(self, config: AcceleratorConfig, *, depth: int) -> None:
        self.bus_bytes, self.depth = config.bus_bytes, depth
        super().__init__(
            {
                "i": In(stream.Signature(read_transfer)),
                "port": Out(ReadPort(config)),
                "o": Out(stream.Signature(packet(config.bus_bytes))),
                "idle": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(packet(self.bus_bytes), self.depth)
        # A block memory's word comes late in the cycle: it waits for the next one.
        m.submodules.stage = stage = StreamStage(packet(self.bus_bytes))
        connect(m, fifo.o, stage.i)
        connect(m, stage.o, flipped(self.o))
        burst, beat = self.port.burst, self.port.beat
        arrived, arrival = Signal(), Signal(packet(self.bus_bytes), reset_less=True)
        m.d.sync += [arrived.eq(beat.valid), arrival.eq(beat.payload)]
        m.d.comb += [fifo.i.payload.eq(arrival), fifo.i.valid.eq(arrived)]

        addr = Signal(AXI_ADDRESS_BITS, reset_less=True)
        beats = Signal(AXI_ADDRESS_BITS + 1, reset_less=True)
        index = Signal(INDEX_BITS, reset_less=True)
        final = Signal(range(self.bus_bytes), reset_less=True)
        length = Signal(range(BURST_BEATS + 1), reset_less=True)
        most = Signal(range(BURST_BEATS + 1))
        m.d.comb += most.eq(BURST_BEATS - (addr // self.bus_bytes) % BURST_BEATS)
        room = Signal(range(self.depth + 1), init=self.depth)
        issued = Signal(range(BURST_BEATS + 1))

        m.d.sync += issued.eq(0)
        with m.FSM():
            with m.State("TRANSFER"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    addr.eq(self.i.payload.addr // self.bus_bytes * self.bus_bytes),
                    beats.eq((self.i.payload.bytes + (self.bus_bytes - 1)) // self.bus_bytes),
                    final.eq(self.i.payload.bytes - 1),
                    index.eq(self.i.payload.index),
                ]
                with m.If(self.i.valid):
                    m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.sync += length.eq(Mux(beats < most, beats, most))
                m.next = "REQUEST"
            with m.State("REQUEST"):
                # Once there is room it stays: only this state takes any away.
                m.d.sync += burst.valid.eq(room >= length)
                with m.If(burst.valid & burst.ready):
                    m.d.sync += [burst.valid.eq(0), issued.eq(length)]
                    m.d.sync += [addr.eq(addr + length * self.bus_bytes), beats.eq(beats - length)]
                    m.next = "TRANSFER"
                    with m.If(~burst.payload.last):
                        m.next = "MEASURE"

        m.d.comb += [
            burst.payload.addr.eq(addr),
            burst.payload.len.eq(length - 1),
            burst.payload.index.eq(index),
            burst.payload.final.eq(final),
            burst.payload.last.eq(beats == length),
            self.idle.eq(self.i.ready & ~self.i.valid & (issued == 0) & (room == self.depth)),
        ]
        m.d.sync += room.eq(room - issued + (self.o.valid & self.o.ready))
        return m
