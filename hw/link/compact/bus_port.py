"""Single accesses to memory and registers."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.axi import AXI_ADDRESS_BITS, BURST_INCR, RESPONSE_OKAY
from hw.link.chip_buses import chip_buses

__all__ = ["BUS_BYTES", "BusPort"]

BUS_BYTES = 4
"""Width of the bus, and of a register."""


class BusPort(wiring.Component):
    """A port to the buses: one access after the other, each a burst of one beat.

    Latency: an address is offered in the cycle after ``access``, data with it.

    Members
    -------
    byte : In(8)
    shift : In(1)
        Move data and address, 4 bytes each, down by a byte, and put ``byte`` at the top of the address.
    access : In(1)
        Do what ``register`` and ``write`` say, which must stay as long as it does: until ``answered``.
    register, write : In(1)
    answered : Out(1)
        There is an answer, to the end of the cycle after ``finish``, in which no access may begin.
    finish : In(1)
    error : Out(1)
        Of the answer.
    source : In(2)
    read : Out(8)
        Byte of the answer with this number.
    axil : Out(AxiLite(12))
    axi_read : Out(Axi4Read(4))
    axi_write : Out(Axi4Write(4))
    """

    byte: Any
    shift: Any
    access: Any
    register: Any
    write: Any
    answered: Any
    finish: Any
    error: Any
    source: Any
    read: Any
    axil: Any
    axi_read: Any
    axi_write: Any

    def __init__(self) -> None:
        super().__init__(
            {
                "byte": In(8),
                "shift": In(1),
                "access": In(1),
                "register": In(1),
                "write": In(1),
                "answered": Out(1),
                "finish": In(1),
                "error": Out(1),
                "source": In(range(BUS_BYTES)),
                "read": Out(8),
                **chip_buses(BUS_BYTES),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axil, read, write = self.axil, self.axi_read, self.axi_write
        data, address = Signal(8 * BUS_BYTES, reset_less=True), Signal(AXI_ADDRESS_BITS, reset_less=True)
        with m.If(self.shift):
            m.d.sync += Cat(data, address).eq(Cat(data[8:], address, self.byte))

        begun, address_left, data_left = Signal(), Signal(), Signal()
        address_taken, data_taken = Signal(), Signal()
        m.d.comb += [
            address_taken.eq(
                Mux(
                    self.register,
                    Mux(self.write, axil.awready, axil.arready),
                    Mux(self.write, write.awready, read.arready),
                )
            ),
            data_taken.eq(Mux(self.register, axil.wready, write.wready)),
        ]
        m.d.sync += [
            begun.eq(self.access & ~self.answered),
            address_left.eq(Mux(begun, address_left & ~address_taken, self.access)),
            data_left.eq(Mux(begun, data_left & ~data_taken, self.access & self.write)),
        ]
        m.d.comb += [
            axil.awaddr.eq(address),
            axil.araddr.eq(address),
            axil.wdata.eq(data),
            axil.wstrb.eq(~0),
            axil.awvalid.eq(address_left & self.register & self.write),
            axil.arvalid.eq(address_left & self.register & ~self.write),
            axil.wvalid.eq(data_left & self.register),
            read.araddr.eq(address),
            read.arsize.eq(exact_log2(BUS_BYTES)),
            read.arburst.eq(BURST_INCR),
            read.arvalid.eq(address_left & ~self.register & ~self.write),
            write.awaddr.eq(address),
            write.awsize.eq(exact_log2(BUS_BYTES)),
            write.awburst.eq(BURST_INCR),
            write.awvalid.eq(address_left & ~self.register & self.write),
            write.wdata.eq(data),
            write.wstrb.eq(~0),
            write.wlast.eq(1),
            write.wvalid.eq(data_left & ~self.register),
        ]

        # Out of a register, as memory's way to the pins is long.
        finished = Signal()
        m.d.sync += finished.eq(self.finish)
        # Only what has been asked for answers, so that all channels can be looked at together.
        answers = [(axil.rvalid, axil.rresp), (axil.bvalid, axil.bresp), (read.rvalid, read.rresp)]
        answers += [(write.bvalid, write.bresp)]
        m.d.comb += [
            self.answered.eq(Cat(valid for valid, _ in answers).any()),
            self.error.eq(Cat(valid & (response != RESPONSE_OKAY) for valid, response in answers).any()),
            self.read.eq(Mux(axil.rvalid, axil.rdata, read.rdata).word_select(self.source, 8)),
            axil.rready.eq(finished),
            axil.bready.eq(finished),
            read.rready.eq(finished),
            write.bready.eq(finished),
        ]
        return m
