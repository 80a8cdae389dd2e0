"""Accesses to memory and registers from requests."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AXI_ADDRESS_BITS, BURST_INCR, RESPONSE_OKAY
from hw.link.chip_buses import chip_buses
from hw.link.layouts import PayloadRead, PayloadWrite, answer, header
from spec.link import (
    HELLO_FIELDS,
    LARGEST_PAYLOAD,
    REGISTER_BYTES,
    REMEMBERED,
    SEQUENCES,
    WRITES,
    Command,
    Status,
)
from spec.registers import ADDRESS_BITS

__all__ = ["Executor"]

_BUS_BYTES = (2, 4, 8, 16)


class Executor(wiring.Component):
    """Do what a request asks for if it is its turn, and say how that ended.

    Payloads are read from and written to the payload memory; each beat is a burst of its own.

    Latency: 3 cycles if there is nothing to do. Throughput: of reads one byte per cycle, of writes one in two cycles,
    and in either case two cycles a beat and what the bus takes; one request at a time.

    Parameters
    ----------
    bus_bytes : int
        Width of the memory bus in bytes: 2, 4, 8 or 16.

    Members
    -------
    i : In(stream.Signature(header))
        Transferred together with its answer.
    o : Out(stream.Signature(answer))
        The payload memory is left alone while it is valid.
    fetch : Out(PayloadRead())
    store : Out(PayloadWrite())
    axil : Out(AxiLite(12))
    axi_read : Out(Axi4Read(bus_bytes))
    axi_write : Out(Axi4Write(bus_bytes))

    Raises
    ------
    ValueError
        If ``bus_bytes`` is another number.
    """

    i: stream.Interface
    o: stream.Interface
    fetch: Any
    store: Any
    axil: Any
    axi_read: Any
    axi_write: Any

    def __init__(self, bus_bytes: int) -> None:
        if bus_bytes not in _BUS_BYTES:
            raise ValueError(f"bus_bytes must be 2, 4, 8 or 16, not {bus_bytes!r}")
        self._bus_bytes = bus_bytes
        super().__init__(
            {
                "i": In(stream.Signature(header)),
                "o": Out(stream.Signature(answer)),
                "fetch": Out(PayloadRead()),
                "store": Out(PayloadWrite()),
                **chip_buses(bus_bytes),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        request = self.i.payload
        hello, register, write = Signal(), Signal(), Signal()
        m.d.comb += [
            hello.eq(request.command == Command.HELLO),
            register.eq((request.command == Command.READ_REGISTER) | (request.command == Command.WRITE_REGISTER)),
            write.eq(Cat(request.command == command for command in WRITES).any()),
        ]

        # Judged in a cycle of its own, which keeps the decision itself short.
        expected = Signal(range(SEQUENCES))
        remembered = Signal(range(REMEMBERED + 1))
        distance = Signal.like(expected)
        in_turn, repeated, refused = Signal(reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += distance.eq(expected - request.sequence)
        m.d.sync += [
            in_turn.eq(distance == 0),
            repeated.eq((distance != 0) & (distance <= remembered)),
            refused.eq(self._refused(register)),
        ]

        status = Signal(Status, reset_less=True)
        m.d.comb += [
            self.o.payload.status.eq(status),
            self.o.payload.sequence.eq(Mux(status == Status.OUT_OF_ORDER, expected, request.sequence)),
            self.o.payload.hello.eq(hello),
        ]
        with m.If((status == Status.OK) & ~write):
            m.d.comb += self.o.payload.length.eq(request.length)
            with m.If(hello):
                m.d.comb += self.o.payload.length.eq(sum(HELLO_FIELDS.values()))

        # A beat passes through the one register, lowest byte first, whichever way it goes.
        beat = Signal(8 * max(self._bus_bytes, REGISTER_BYTES), reset_less=True)
        place = Signal(range(LARGEST_PAYLOAD), reset_less=True)
        following = Signal(range(LARGEST_PAYLOAD + 1))
        beat_end, end = Signal(), Signal()
        m.d.comb += [
            following.eq(place + 1),
            end.eq(following == request.length),
            beat_end.eq(Mux(register, end, place % self._bus_bytes == self._bus_bytes - 1)),
            self.fetch.addr.eq(place),
            self.store.addr.eq(place),
            self.store.data.eq(beat),
        ]

        access, address_left, data_left = Signal(), Signal(), Signal()
        self._connect_buses(m, register, write, place, beat, access & address_left, access & data_left, access)
        address_taken, data_taken = Signal(), Signal()
        responded, response = Signal(), Signal(2)
        read_data = Signal.like(beat)
        with m.If(register):
            m.d.comb += [
                address_taken.eq(Mux(write, self.axil.awready, self.axil.arready)),
                data_taken.eq(self.axil.wready),
                responded.eq(Mux(write, self.axil.bvalid, self.axil.rvalid)),
                response.eq(Mux(write, self.axil.bresp, self.axil.rresp)),
                read_data.eq(self.axil.rdata),
            ]
        with m.Else():
            m.d.comb += [
                address_taken.eq(Mux(write, self.axi_write.awready, self.axi_read.arready)),
                data_taken.eq(self.axi_write.wready),
                responded.eq(Mux(write, self.axi_write.bvalid, self.axi_read.rvalid)),
                response.eq(Mux(write, self.axi_write.bresp, self.axi_read.rresp)),
                read_data.eq(self.axi_read.rdata),
            ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [place.eq(0), status.eq(Status.OK)]
                with m.If(self.i.valid):
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.next = "ANSWER"
                with m.If(hello):
                    m.d.sync += [expected.eq(request.sequence + 1), remembered.eq(0)]
                with m.Elif(~in_turn & ~repeated):
                    m.d.sync += status.eq(Status.OUT_OF_ORDER)
                with m.Elif(refused):
                    m.d.sync += status.eq(Status.REFUSED)
                with m.Elif(~write):
                    m.next = "ISSUE"
                with m.Elif(in_turn):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "GATHER"
            with m.State("GATHER"):
                m.d.sync += beat.eq(Cat(beat[8:], self.fetch.data))
                with m.If(beat_end):
                    m.next = "ISSUE"
                with m.Else():
                    m.d.sync += place.eq(following)
                    m.next = "FETCH"
            with m.State("ISSUE"):
                m.d.sync += [address_left.eq(1), data_left.eq(write)]
                m.next = "ACCESS"
            with m.State("ACCESS"):
                m.d.comb += access.eq(1)
                with m.If(address_taken):
                    m.d.sync += address_left.eq(0)
                with m.If(data_taken):
                    m.d.sync += data_left.eq(0)
                with m.If(responded):
                    with m.If(response != RESPONSE_OKAY):
                        m.d.sync += status.eq(Status.BUS_ERROR)
                        m.next = "ANSWER"
                    with m.Elif(~write):
                        m.d.sync += beat.eq(read_data)
                        m.next = "SCATTER"
                    with m.Elif(end):
                        m.next = "COUNT"
                    with m.Else():
                        m.d.sync += place.eq(following)
                        m.next = "FETCH"
            with m.State("SCATTER"):
                m.d.comb += self.store.en.eq(1)
                m.d.sync += [beat.eq(beat[8:]), place.eq(following)]
                with m.If(end):
                    m.next = "COUNT"
                with m.Elif(beat_end):
                    m.next = "ISSUE"
            with m.State("COUNT"):
                with m.If(in_turn):
                    m.d.sync += [expected.eq(expected + 1), remembered.eq(remembered + (remembered != REMEMBERED))]
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m

    def _refused(self, register: Any) -> Any:
        """Return whether the request is one that is never done."""
        request = self.i.payload
        unknown = request.command > max(Command)
        unaligned = (request.address | request.length) % self._bus_bytes != 0
        of_memory = (request.length == 0) | (request.length > LARGEST_PAYLOAD) | unaligned
        outside = (request.address % REGISTER_BYTES != 0) | (request.address >= 1 << ADDRESS_BITS)
        of_register = (request.length != REGISTER_BYTES) | outside
        return unknown | Mux(register, of_register, of_memory)

    def _connect_buses(
        self, m: Module, register: Any, write: Any, place: Any, beat: Any, address: Any, data: Any, access: Any
    ) -> None:
        """Drive the buses: offer address and data while ``address`` and ``data``, take responses while ``access``."""
        axil, read, memory_write = self.axil, self.axi_read, self.axi_write
        low_bits = (self._bus_bytes - 1).bit_length()
        base = self.i.payload.address
        memory_address = Signal(AXI_ADDRESS_BITS)
        m.d.comb += [
            memory_address[low_bits:].eq(base[low_bits:] + place[low_bits:]),
            axil.awaddr.eq(base),
            axil.araddr.eq(base),
            axil.wdata.eq(beat[-8 * REGISTER_BYTES :]),
            axil.wstrb.eq(~0),
            axil.awvalid.eq(address & register & write),
            axil.arvalid.eq(address & register & ~write),
            axil.wvalid.eq(data & register),
            axil.bready.eq(access & register & write),
            axil.rready.eq(access & register & ~write),
            read.araddr.eq(memory_address),
            read.arsize.eq(low_bits),
            read.arburst.eq(BURST_INCR),
            read.arvalid.eq(address & ~register & ~write),
            read.rready.eq(access & ~register & ~write),
            memory_write.awaddr.eq(memory_address),
            memory_write.awsize.eq(low_bits),
            memory_write.awburst.eq(BURST_INCR),
            memory_write.awvalid.eq(address & ~register & write),
            memory_write.wdata.eq(beat[-8 * self._bus_bytes :]),
            memory_write.wstrb.eq(~0),
            memory_write.wlast.eq(1),
            memory_write.wvalid.eq(data & ~register),
            memory_write.bready.eq(access & ~register & write),
        ]
