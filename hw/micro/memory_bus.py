"""The bus to external memory: bursts of reads into a small buffer, single words to write."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.axi import AXI_ADDRESS_BITS, BURST_INCR, RESPONSE_OKAY, Axi4Read, Axi4Write
from hw.bus.watchdog import Watchdog
from hw.core.memory.collisions import NO_COLLISIONS
from hw.micro.microcode import VALUE_BITS
from spec.axi import BURST_BEATS
from spec.config import AcceleratorConfig

__all__ = ["BUS_BYTES", "MemoryBus"]

BUS_BYTES = 4
"""Width of the bus."""

_BUFFERED_HALVES = 256
_SPARE_HALVES = 8  # of which at most 3 come once there is no more room


class MemoryBus(wiring.Component):
    """A bus master with one transfer at a time: a burst of reads, or the write of one word.

    The buffer takes the words of many bursts; the bus waits while it is full. What is offered stays until it is taken,
    and answers that nobody waits for are dropped. A burst ends with the beat that says so, or with the last one that
    was asked for; that these are not the same is an error. The first error, or the end of patience, is kept until
    ``forget`` or the next transfer.

    Latency: 1 cycle from ``read`` or ``write`` to the bus, 2 from the bus to ``word``. Throughput: a word in two
    cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        With a bus of 4 bytes.

    Members
    -------
    axi_read : Out(Axi4Read(4))
    axi_write : Out(Axi4Write(4))
    addr : In(32)
        Valid and constant from the cycle after ``read`` or ``write`` until nothing is ``owed``.
    read : In(1), beats : In(4)
        Begin a burst of so many beats and one more.
    write : In(1), data : In(32)
        Begin to write; ``data`` stay until nothing is ``owed``.
    half : Out(16), available : Out(1)
        The oldest half of a word in the buffer.
    pop : In(1)
        Take it.
    word : Out(32), second : Out(1)
        The half that was taken last, and this one; whether these are of the same word.
    forget : In(1)
        Drop the buffer's words, and what went wrong; a transfer goes on.
    owed : Out(1)
        The transfer is not complete.
    failed : Out(1)
        It had an error, or the bus is ``dead``.
    dead : Out(1)
        The bus has neither taken nor given anything for ``timeout_cycles``.
    """

    axi_read: Any
    axi_write: Any
    addr: Signal
    read: Signal
    beats: Signal
    write: Signal
    data: Signal
    half: Signal
    available: Signal
    pop: Signal
    word: Signal
    second: Signal
    forget: Signal
    owed: Signal
    failed: Signal
    dead: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._timeout_cycles = config.timeout_cycles
        super().__init__(
            {
                "axi_read": Out(Axi4Read(BUS_BYTES)),
                "axi_write": Out(Axi4Write(BUS_BYTES)),
                "addr": In(AXI_ADDRESS_BITS),
                "read": In(1),
                "beats": In(range(BURST_BEATS)),
                "write": In(1),
                "data": In(8 * BUS_BYTES),
                "half": Out(VALUE_BITS),
                "available": Out(1),
                "pop": In(1),
                "word": Out(8 * BUS_BYTES),
                "second": Out(1),
                "forget": In(1),
                "owed": Out(1),
                "failed": Out(1),
                "dead": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        read, write = self.axi_read, self.axi_write
        # Answers are owed: to an address that has been taken, and to a word that may still be offered.
        reading, writing = Signal(), Signal()
        m.d.comb += [
            self.owed.eq(read.arvalid | reading | writing),
            read.araddr.eq(self.addr),
            read.arsize.eq(exact_log2(BUS_BYTES)),
            read.arburst.eq(BURST_INCR),
            write.awaddr.eq(self.addr),
            write.awsize.eq(exact_log2(BUS_BYTES)),
            write.awburst.eq(BURST_INCR),
            write.wdata.eq(self.data),
            write.wstrb.eq(~0),
            write.wlast.eq(1),
            write.bready.eq(1),
        ]
        with m.If(read.arvalid & read.arready):
            m.d.sync += [read.arvalid.eq(0), reading.eq(1)]
        with m.If(write.awready):
            m.d.sync += write.awvalid.eq(0)
        with m.If(write.wready):
            m.d.sync += write.wvalid.eq(0)

        # The buffer, read a cycle ahead; a word goes in by halves.
        m.submodules.buffer = buffer = Memory(shape=VALUE_BITS, depth=_BUFFERED_HALVES, init=[], attrs=NO_COLLISIONS)
        entry, exit_port = buffer.write_port(), buffer.read_port()
        filled, taken = Signal(range(_BUFFERED_HALVES)), Signal(range(_BUFFERED_HALVES))
        following, last_half = Signal.like(taken), Signal(VALUE_BITS, reset_less=True)
        # ``rready`` comes out of registers: on boards it goes on to the pins.
        arrives, shows, room = Signal(), Signal(), Signal()
        m.d.sync += room.eq((filled - taken)[: len(filled)] < _BUFFERED_HALVES - _SPARE_HALVES)
        m.d.comb += [
            entry.en.eq(read.rvalid & reading & (room | filled[0])),
            entry.addr.eq(filled),
            entry.data.eq(read.rdata.word_select(filled[0], VALUE_BITS)),
            read.rready.eq(filled[0] | ~reading),
            arrives.eq(entry.en & filled[0]),
            following.eq(taken + self.pop),
            exit_port.addr.eq(following),
            self.half.eq(exit_port.data),
            self.word.eq(Cat(last_half, exit_port.data)),
            self.second.eq(taken[0]),
            self.available.eq(shows),
        ]
        m.d.sync += [taken.eq(following), shows.eq(filled != following), filled.eq(filled + entry.en)]
        with m.If(self.pop):
            m.d.sync += last_half.eq(exit_port.data)

        # Answers. Once the address has been taken, its length counts the beats behind the next one.
        answered, last, read_error, write_error = Signal(), Signal(), Signal(), Signal()
        left = read.arlen[: len(self.beats)]
        m.d.comb += [
            answered.eq(write.bvalid & writing & ~write.awvalid & ~write.wvalid),
            last.eq(left == 0),
            read_error.eq(arrives & ((read.rresp != RESPONSE_OKAY) | (read.rlast != last))),
            write_error.eq(answered & (write.bresp != RESPONSE_OKAY)),
        ]
        wrong = Signal()
        with m.If(arrives):
            m.d.sync += left.eq(left - 1)
        with m.If(arrives & (read.rlast | last)):
            m.d.sync += reading.eq(0)
        with m.If(answered):
            m.d.sync += writing.eq(0)
        with m.If(read_error | write_error):
            m.d.sync += wrong.eq(1)
        m.submodules.watchdog = watchdog = Watchdog(self._timeout_cycles)
        # A cycle late, as memory may take long to say whether it is ready. What it gives may have to wait for room.
        m.d.sync += watchdog.progress.eq(
            (read.rvalid & reading)
            | answered
            | (read.arvalid & read.arready)
            | (write.awvalid & write.awready)
            | (write.wvalid & write.wready)
        )
        m.d.comb += [
            watchdog.outstanding.eq(self.owed),
            self.failed.eq(wrong | self.dead),
        ]
        with m.If(watchdog.expired & self.owed & ~wrong):
            m.d.sync += self.dead.eq(1)

        with m.If(self.read | self.write | self.forget):
            m.d.sync += self.dead.eq(0)
        with m.If(self.read):
            m.d.sync += [read.arvalid.eq(1), read.arlen.eq(self.beats), wrong.eq(0)]
        with m.If(self.write):
            m.d.sync += [write.awvalid.eq(1), write.wvalid.eq(1), writing.eq(1), wrong.eq(0)]
        with m.If(self.forget):
            m.d.sync += [taken.eq(0), filled.eq(0), shows.eq(0), wrong.eq(0)]
        return m
