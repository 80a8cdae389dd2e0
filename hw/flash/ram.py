"""A RAM beside a flash."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In
from amaranth.utils import exact_log2

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR, Axi4Write
from hw.flash.controller import BUS_BYTES
from hw.flash.pins import WIRES
from hw.flash.ram_read import NIBBLES, RamRead
from hw.flash.spram import SPRAM_BYTES, Spram

__all__ = ["FlashRam"]

_HALVES = 2  # of a beat: what the memory takes at a time
_HALF_NIBBLES = NIBBLES // _HALVES


class FlashRam(wiring.Component):
    """32 KiB of memory: an AXI4 slave for writes, while reads go through the flash's controller.

    Takes bursts of whole beats that increment, with byte strobes, one after the other; it ignores ``awsize``,
    ``awburst``, ``awlen`` and the address bits within a beat. Bursts that do not begin in the memory are answered with
    SLVERR and write nothing. ``bid`` is 0. A burst is acknowledged when it is in the memory. It waits for the end of a
    burst of reads from the memory, and the other way round; when both are free to begin, the reads do.

    Latency: 2 cycles a beat, and 2 a burst. A beat of reads: 10 cycles.

    Parameters
    ----------
    base : int
        Address of the first byte: a multiple of the size.

    Members
    -------
    axi_write : In(Axi4Write(4))
    read : In(RamRead())

    Raises
    ------
    ValueError
        If the base is no such multiple.
    """

    axi_write: Any
    read: Any

    def __init__(self, base: int) -> None:
        if base % SPRAM_BYTES:
            raise ValueError(f"base must be a multiple of {SPRAM_BYTES}, not {base!r}")
        self._base = base
        super().__init__({"axi_write": In(Axi4Write(BUS_BYTES)), "read": In(RamRead())})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axi, read = self.axi_write, self.read
        m.submodules.spram = spram = Spram()

        # The address of a half beat is 0 while nothing happens, so that a burst's first one can be added to it.
        addr = Signal.like(spram.addr, reset_less=True)
        idle, begins, ends, writing, goes_on = Signal(), Signal(), Signal(), Signal(), Signal()
        place = read.place[: exact_log2(_HALF_NIBBLES)]
        m.d.comb += [
            idle.eq(~(writing | read.reading | read.wait)),
            begins.eq(axi.awvalid & ~axi.bvalid & idle & ~read.start),
            axi.awready.eq(begins),
            axi.wready.eq(writing & addr[0]),
            ends.eq(axi.wready & axi.wlast),
            goes_on.eq((writing & axi.wvalid) | (read.reading & read.take & place.all())),
        ]
        beats = slice(exact_log2(BUS_BYTES), exact_log2(SPRAM_BYTES))
        first = Mux(begins, axi.awaddr[beats], 0) | Mux(read.start, read.addr[beats], 0)
        m.d.sync += [
            addr.eq(addr + Cat(goes_on, first)),
            writing.eq(begins | (writing & ~ends)),
            axi.bvalid.eq(ends | (axi.bvalid & ~axi.bready)),
            read.wait.eq(read.start | goes_on),
        ]
        with m.If(~(begins | writing | read.start | read.reading)):
            m.d.sync += addr.eq(0)

        mapped = Signal(reset_less=True)
        with m.If(begins | read.start):
            m.d.sync += mapped.eq(Mux(begins, self._maps(axi.awaddr), self._maps(read.addr)))
        m.d.comb += [
            axi.bresp.eq(Mux(mapped, RESPONSE_OKAY, RESPONSE_SLVERR)),
            read.busy.eq(~idle),
            read.mapped.eq(mapped),
        ]

        halves = data.ArrayLayout(8 * BUS_BYTES // _HALVES, _HALVES)
        strobes = data.ArrayLayout(BUS_BYTES // _HALVES, _HALVES)
        nibbles = [spram.r_data.word_select(number ^ 1, WIRES) for number in range(_HALF_NIBBLES)]
        m.d.comb += [
            spram.addr.eq(addr),
            spram.write.eq(writing & axi.wvalid & mapped),
            spram.w_data.eq(data.View(halves, axi.wdata)[addr[0]]),
            spram.w_mask.eq(data.View(strobes, axi.wstrb)[addr[0]]),
            read.nibble.eq(Array(nibbles)[place]),
        ]
        return m

    def _maps(self, addr: Value) -> Value:
        """Whether an address is one of the memory's."""
        return addr // SPRAM_BYTES == self._base // SPRAM_BYTES
