"""The AXI4 read channels, shared by several readers."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.axi import AXI_ADDRESS_BITS, BURST_INCR, RESPONSE_OKAY, Axi4Read
from hw.bus.fault import INDEX_BITS, Fault
from hw.bus.read_port import ReadPort
from hw.bus.stream_fifo import StreamFifo
from hw.bus.watchdog import Watchdog
from spec.axi import BURST_BEATS
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode

__all__ = ["ReadMaster"]

_OUTSTANDING_BURSTS = 32


class ReadMaster(wiring.Component):
    """A master that issues bursts of the port with the lowest number that asks, and hands each its beats back.

    Beats come back in the order of requests, as all use one ID; the bus never waits for the core (``rready`` is 1).
    A burst ends with its last beat, or with ``rlast`` if that comes too early; beats that nobody has asked for are
    dropped. A request that is offered stays until it is taken.

    Latency: 1 cycle from a request to the bus, 0 from the bus to a port. Throughput: one beat per cycle; at most 32
    bursts are outstanding.

    Parameters
    ----------
    config : AcceleratorConfig
    ports : int
        Number of ports.

    Members
    -------
    axi : Out(Axi4Read(bus_bytes))
    ports : In(ReadPort(config)).array(ports)
        In order of priority.
    stop : In(1)
        Take no more requests.
    idle : Out(1)
        Nothing is offered or outstanding.
    fault : Out(Fault())
        An error response or an ``rlast`` in the wrong place, whose beat is dropped; or the oldest burst while nothing
        has happened for ``timeout_cycles``.
    """

    axi: Any
    ports: Any
    stop: Any
    idle: Any
    fault: Any

    def __init__(self, config: AcceleratorConfig, *, ports: int) -> None:
        self.config = config
        super().__init__(
            {
                "axi": Out(Axi4Read(config.bus_bytes)),
                "ports": In(ReadPort(config)).array(ports),
                "stop": In(1),
                "idle": Out(1),
                "fault": Out(Fault()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axi, bus_bytes = self.axi, self.config.bus_bytes

        owner_layout = data.StructLayout(
            {
                "port": range(len(self.ports)),
                "addr": AXI_ADDRESS_BITS,
                "len": range(BURST_BEATS),
                "index": INDEX_BITS,
                "final": range(bus_bytes),
                "last": 1,
            }
        )
        m.submodules.owners = owners = StreamFifo(owner_layout, _OUTSTANDING_BURSTS)
        owner = owners.o.payload

        # Requests: the first port that asks fills the address register.
        chosen = Signal(range(len(self.ports)))
        for number in reversed(range(len(self.ports))):
            with m.If(self.ports[number].burst.valid):
                m.d.comb += chosen.eq(number)
        request = Array([port.burst.payload for port in self.ports])[chosen]
        wanted = Array([port.burst.valid for port in self.ports])[chosen]
        free = Signal()
        m.d.comb += [
            free.eq((~axi.arvalid | axi.arready) & owners.i.ready & ~self.stop),
            owners.i.valid.eq(wanted & free),
            owners.i.payload.port.eq(chosen),
        ]
        m.d.comb += [owners.i.payload[name].eq(request[name]) for name in ("addr", "len", "index", "final", "last")]
        for number, port in enumerate(self.ports):
            m.d.comb += port.burst.ready.eq(free & (chosen == number))
        with m.If(axi.arready):
            m.d.sync += axi.arvalid.eq(0)
        with m.If(wanted & free):
            m.d.sync += [axi.arvalid.eq(1), axi.araddr.eq(request.addr), axi.arlen.eq(request.len)]
        m.d.comb += [axi.arsize.eq(exact_log2(bus_bytes)), axi.arburst.eq(BURST_INCR), axi.rready.eq(1)]

        # Beats: to the owner of the oldest burst.
        received, failed, complete = Signal(), Signal(), Signal()
        beat = Signal(range(BURST_BEATS))
        end = owner.last & axi.rlast
        m.d.comb += [
            received.eq(axi.rvalid & owners.o.valid),
            complete.eq(beat == owner.len),
            failed.eq(received & ((axi.rresp != RESPONSE_OKAY) | (axi.rlast != complete))),
            owners.o.ready.eq(axi.rvalid & (axi.rlast | complete)),
        ]
        with m.If(received):
            m.d.sync += beat.eq(Mux(owners.o.ready, 0, beat + 1))
        for number, port in enumerate(self.ports):
            m.d.comb += [
                port.beat.valid.eq(received & ~failed & (owner.port == number)),
                port.beat.payload.data.eq(axi.rdata),
                port.beat.payload.final.eq(Mux(end, owner.final, bus_bytes - 1)),
                port.beat.payload.last.eq(end),
            ]

        m.submodules.watchdog = watchdog = Watchdog(self.config.timeout_cycles)
        m.d.comb += [
            self.idle.eq((owners.level == 0) & ~axi.arvalid),
            watchdog.outstanding.eq(~self.idle),
            watchdog.progress.eq(received | (axi.arvalid & axi.arready)),
            self.fault.valid.eq(failed | watchdog.expired),
            self.fault.code.eq(Mux(failed, ErrorCode.BUS_READ, ErrorCode.BUS_TIMEOUT)),
            self.fault.index.eq(owner.index),
            self.fault.addr.eq(owner.addr),
        ]
        return m
