"""The AXI4 write channels, fed by the post-processor."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.axi import AXI_ADDRESS_BITS, BURST_INCR, RESPONSE_OKAY, Axi4Write
from hw.bus.fault import INDEX_BITS, Fault
from hw.bus.gearbox import Gearbox
from hw.bus.stream_fifo import StreamFifo
from hw.bus.watchdog import Watchdog
from spec.axi import BURST_BEATS
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode

__all__ = ["WriteMaster", "write_chunk"]

_BUFFERED_BEATS = 2 * BURST_BEATS
_WAITING_BURSTS = 4
_OUTSTANDING_BURSTS = 16


def write_chunk(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of a chunk: ``addr`` of its DRAIN, a multiple of ``bus_bytes``; ``last`` in its last."""
    return data.StructLayout({"data": data.ArrayLayout(signed(32), config.lanes), "addr": AXI_ADDRESS_BITS, "last": 1})


class WriteMaster(wiring.Component):
    """A master of the bus that writes each DRAIN's chunks to consecutive addresses.

    A burst ends at a multiple of the longest, so that none crosses an AXI boundary. It is begun only when all its beats
    are in the buffer, so that it can always be completed: what is offered stays until it is taken, whatever happens.

    Latency: 3 cycles from the last chunk of a burst to the bus. Throughput: ``min(4 * lanes, bus_bytes)`` bytes per
    cycle, less a cycle between bursts; at most 16 are outstanding.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    i : In(stream.Signature(write_chunk(config)))
    index : In(stream.Signature(32))
        Instruction index of each DRAIN to memory; taken with its last chunk.
    axi : Out(Axi4Write(bus_bytes))
    done : Out(1)
        Pulse: all writes of a DRAIN have been acknowledged.
    written_bytes : Out(range(bus_bytes + 1))
        Bytes that leave in this cycle.
    stop : In(1)
        Begin no more bursts.
    idle : Out(1)
        No burst is begun or outstanding.
    fault : Out(Fault())
        An error response; or the oldest burst while nothing has happened for ``timeout_cycles``.
    """

    i: stream.Interface
    index: stream.Interface
    axi: Any
    done: Any
    written_bytes: Any
    stop: Any
    idle: Any
    fault: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(write_chunk(config))),
                "index": In(stream.Signature(INDEX_BITS)),
                "axi": Out(Axi4Write(config.bus_bytes)),
                "done": Out(1),
                "written_bytes": Out(range(config.bus_bytes + 1)),
                "stop": In(1),
                "idle": Out(1),
                "fault": Out(Fault()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axi, bus_bytes = self.axi, self.config.bus_bytes
        beat_layout = data.StructLayout({"data": 8 * bus_bytes, "final": range(bus_bytes), "last": 1})
        burst_layout = data.StructLayout(
            {"addr": AXI_ADDRESS_BITS, "len": range(BURST_BEATS), "index": INDEX_BITS, "last": 1}
        )
        m.submodules.gearbox = gearbox = Gearbox(4 * self.config.lanes, bus_bytes)
        m.submodules.beats = beats = StreamFifo(beat_layout, _BUFFERED_BEATS)
        m.submodules.bursts = bursts = StreamFifo(burst_layout, _WAITING_BURSTS)
        m.submodules.owners = owners = StreamFifo(burst_layout, _OUTSTANDING_BURSTS)

        # Chunks to beats. The index goes with the last chunk, so both streams are taken together.
        both = self.i.valid & self.index.valid
        m.d.comb += [
            gearbox.i.payload.data.eq(self.i.payload.data),
            gearbox.i.payload.final.eq(4 * self.config.lanes - 1),
            gearbox.i.payload.last.eq(self.i.payload.last),
            gearbox.i.valid.eq(both),
            self.i.ready.eq(gearbox.i.ready & self.index.valid),
            self.index.ready.eq(self.i.payload.last & self.i.valid & gearbox.i.ready),
        ]

        # Beats to bursts. ``held_addr`` is valid from a DRAIN's second beat on, ``start`` from a burst's second.
        first_beat = Signal(init=1)
        held_addr, addr, start = (
            Signal(AXI_ADDRESS_BITS, name=name, reset_less=True) for name in ("held_addr", "addr", "start")
        )
        count = Signal(range(BURST_BEATS))
        piece = gearbox.o.payload
        closes = Signal()
        m.d.comb += [
            addr.eq(Mux(first_beat, self.i.payload.addr, held_addr)),
            closes.eq(piece.last | ((addr // bus_bytes) % BURST_BEATS == BURST_BEATS - 1)),
            beats.i.payload.data.eq(piece.data),
            beats.i.payload.final.eq(piece.final),
            beats.i.payload.last.eq(closes),
            beats.i.valid.eq(gearbox.o.valid & bursts.i.ready),
            gearbox.o.ready.eq(beats.i.ready & bursts.i.ready),
            bursts.i.payload.addr.eq(Mux(count == 0, addr, start)),
            bursts.i.payload.len.eq(count),
            bursts.i.payload.index.eq(self.index.payload),
            bursts.i.payload.last.eq(piece.last),
            bursts.i.valid.eq(gearbox.o.valid & beats.i.ready & closes),
        ]
        with m.If(gearbox.o.valid & gearbox.o.ready):
            m.d.sync += [held_addr.eq(addr + bus_bytes), first_beat.eq(piece.last), count.eq(Mux(closes, 0, count + 1))]
            with m.If(count == 0):
                m.d.sync += start.eq(addr)

        # One burst at a time on AW and W; its beats are all there.
        writing = Signal()
        m.d.comb += [
            axi.awsize.eq(exact_log2(bus_bytes)),
            axi.awburst.eq(BURST_INCR),
            axi.wdata.eq(beats.o.payload.data),
            axi.wstrb.eq((2 << beats.o.payload.final) - 1),
            axi.wlast.eq(beats.o.payload.last),
            axi.wvalid.eq(beats.o.valid & writing),
            beats.o.ready.eq(axi.wready & writing),
            self.written_bytes.eq(Mux(axi.wvalid & axi.wready, beats.o.payload.final + 1, 0)),
        ]
        begin = Signal()
        m.d.comb += [
            begin.eq(bursts.o.valid & owners.i.ready & ~writing & ~axi.awvalid & ~self.stop),
            bursts.o.ready.eq(begin),
            owners.i.payload.eq(bursts.o.payload),
            owners.i.valid.eq(begin),
        ]
        with m.If(begin):
            m.d.sync += [writing.eq(1), axi.awvalid.eq(1)]
            m.d.sync += [axi.awaddr.eq(bursts.o.payload.addr), axi.awlen.eq(bursts.o.payload.len)]
        with m.If(axi.wvalid & axi.wready & axi.wlast):
            m.d.sync += writing.eq(0)
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += axi.awvalid.eq(0)

        # Responses, in the order of bursts.
        owner = owners.o.payload
        answered = Signal()
        failed = Signal()
        m.submodules.watchdog = watchdog = Watchdog(self.config.timeout_cycles)
        m.d.comb += [
            axi.bready.eq(1),
            answered.eq(axi.bvalid & owners.o.valid),
            failed.eq(answered & (axi.bresp != RESPONSE_OKAY)),
            owners.o.ready.eq(axi.bvalid),
            self.done.eq(answered & ~failed & owner.last),
            self.idle.eq((owners.level == 0) & ~writing & ~axi.awvalid),
            watchdog.outstanding.eq(~self.idle),
            watchdog.progress.eq(answered | (axi.awvalid & axi.awready) | (axi.wvalid & axi.wready)),
            self.fault.valid.eq(failed | watchdog.expired),
            self.fault.code.eq(Mux(failed, ErrorCode.BUS_WRITE, ErrorCode.BUS_TIMEOUT)),
            self.fault.index.eq(owner.index),
            self.fault.addr.eq(owner.addr),
        ]
        return m
