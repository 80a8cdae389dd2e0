"""An SDRAM behind an AXI4 bus."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR, Axi4Read, Axi4Write
from hw.bus.stream_fifo import StreamFifo
from hw.sdram.burst_splitter import BurstSplitter
from hw.sdram.command import Command
from hw.sdram.pins import WORD_BITS, WORD_BYTES, SdramPins
from hw.sdram.scheduler import Scheduler
from hw.sdram.segment import words_per_beat
from spec.axi import BURST_BEATS
from spec.sdram_chip import SdramChip

__all__ = ["SdramController"]

_BUFFERED_BEATS = 2 * BURST_BEATS  # one segment under way, one waiting
_BUFFERED_RESPONSES = 16
_MOST_RESPONSES = 8  # that still wait when a segment is admitted; those of the segments then under way find room


class SdramController(wiring.Component):
    """AXI4 slave at address 0 for a 16-bit SDRAM.

    Takes incrementing bursts of whole beats of any length; a start inside a beat is rounded down. Narrower or other
    bursts and addresses beyond the chip are answered with SLVERR; such reads deliver arbitrary data, such writes change
    nothing. All transfers of one direction are answered in order; ``rid`` and ``bid`` are 0. Reads and writes take
    turns of up to 16 beats while both wait. A write is acknowledged when it is in the order of commands, after which
    every read sees it.

    A write begins when 16 beats of it, or all that is left, have arrived, and a read when there is room for 16 beats,
    so that neither holds up the chip. Rows stay open. A column command is given every cycle, in bursts of length 1:
    longer bursts would free the command wires, which only ACTIVATE and PRECHARGE at a change of row could use.

    Latency: ``CAS + 10 + bus_bytes / 2`` cycles from ``arvalid`` to ``rvalid`` in an open row. Throughput: 2 bytes per
    cycle within a row, less ``tRP + tRCD + 2`` cycles for a change of row and ``tRP + tRFC + tRCD + 1`` for a refresh.

    Parameters
    ----------
    chip : SdramChip
    clock_hz : float
        Frequency of the clock domain ``sync``.
    bus_bytes : int
        Width of the bus: 2, 4, 8 or 16.
    read_latency : int, optional
        Cycles from the one in which a READ is loaded into the pins' registers to the one in which its data stand in
        the input register; CAS latency + 2 if the chip's clock is that of the registers and nothing is delayed.

    Members
    -------
    axi_read : In(Axi4Read(bus_bytes))
    axi_write : In(Axi4Write(bus_bytes))
    pins : Out(SdramPins())
        Outputs come out of registers, the input goes into one.

    Raises
    ------
    ValueError
        The read latency is less than 1, the bus has another width or is too wide for the chip's rows, or the chip
        cannot work with this clock.
    """

    axi_read: Any
    axi_write: Any
    pins: Any

    def __init__(self, chip: SdramChip, clock_hz: float, bus_bytes: int, *, read_latency: int | None = None) -> None:
        self._chip = chip
        self._clock_hz = clock_hz
        self._bus_bytes = bus_bytes
        self._read_latency = chip.cas_latency + 2 if read_latency is None else read_latency
        if self._read_latency < 1:
            raise ValueError(f"read_latency must be at least 1, not {read_latency!r}")
        words_per_beat(chip, bus_bytes)
        chip.timing(clock_hz)
        super().__init__(
            {"axi_read": In(Axi4Read(bus_bytes)), "axi_write": In(Axi4Write(bus_bytes)), "pins": Out(SdramPins())}
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.scheduler = scheduler = Scheduler(self._chip, self._clock_hz, self._bus_bytes)
        issue = scheduler.issue
        reads, writes = Signal(), Signal()
        m.d.comb += [reads.eq(issue.command == Command.READ), writes.eq(issue.command == Command.WRITE)]
        self._drive_pins(m, scheduler)
        self._read(m, scheduler, reads)
        self._write(m, scheduler, writes)
        return m

    def _drive_pins(self, m: Module, scheduler: Scheduler) -> None:
        """Load commands into the pins' registers. The masks are high until the chip is ready, as data sheets ask."""
        pins, issue = self.pins, scheduler.issue
        m.d.sync += [
            pins.cke.eq(1),
            pins.cs_n.eq(issue.command == Command.NOP),
            pins.a.eq(issue.a),
            pins.ba.eq(issue.bank),
            pins.dqm.eq(Mux(scheduler.ready, 0, -1)),
            pins.dq_oe.eq(0),
        ]
        m.d.sync += Cat(pins.we_n, pins.cas_n, pins.ras_n).eq(issue.command)

    def _read(self, m: Module, scheduler: Scheduler, reads: Signal) -> None:
        """Collect the words that READs bring into beats."""
        axi = self.axi_read
        m.submodules.read_splitter = splitter = BurstSplitter(self._chip, self._bus_bytes)
        m.submodules.read_beats = beats = StreamFifo(
            data.StructLayout({"data": 8 * self._bus_bytes, "last": 1, "error": 1}), _BUFFERED_BEATS
        )
        m.d.comb += [
            splitter.i.payload[name].eq(getattr(axi, "ar" + name)) for name in ("addr", "len", "size", "burst")
        ]
        m.d.comb += [splitter.i.valid.eq(axi.arvalid), axi.arready.eq(splitter.i.ready)]

        # Room is taken when a segment is offered and given back when a beat leaves. It is judged a cycle ahead, which
        # misses no segment, as the splitter's are two cycles apart.
        room = Signal(range(_BUFFERED_BEATS + 1), init=_BUFFERED_BEATS)
        roomy = Signal()
        offered = Signal()
        taken, leaves = Signal(), Signal()
        segment = splitter.o.payload
        m.d.sync += roomy.eq(room >= BURST_BEATS)
        m.d.comb += [
            offered.eq(splitter.o.valid & roomy),
            taken.eq(offered & scheduler.i_read.ready),
            scheduler.i_read.payload.eq(segment),
            scheduler.i_read.valid.eq(offered),
            splitter.o.ready.eq(taken),
            leaves.eq(axi.rvalid & axi.rready),
        ]
        m.d.sync += room.eq(room + leaves - Mux(taken, segment.len + 1, 0))

        # What is to be done with a word travels beside it.
        tag_layout = data.StructLayout({"beat_end": 1, "last": 1, "error": 1})
        tags = [Signal(tag_layout, name=f"tag_{n}", reset_less=True) for n in range(self._read_latency)]
        valid = Signal(self._read_latency)
        m.d.sync += [valid.eq(Cat(reads, valid)), *(later.eq(earlier) for earlier, later in pairwise(tags))]
        m.d.sync += [tags[0][name].eq(scheduler.issue[name]) for name in ("beat_end", "last", "error")]
        arrived = tags[-1]
        word = Signal(WORD_BITS, reset_less=True)
        beat = Signal(8 * self._bus_bytes, reset_less=True)
        complete = Signal()
        last, error = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            word.eq(self.pins.dq_i),
            complete.eq(valid[-1] & arrived.beat_end),
            last.eq(arrived.last),
            error.eq(arrived.error),
        ]
        with m.If(valid[-1]):
            m.d.sync += beat.eq((beat >> WORD_BITS) | (word << (8 * self._bus_bytes - WORD_BITS)))
        m.d.comb += [
            beats.i.payload.data.eq(beat),
            beats.i.payload.last.eq(last),
            beats.i.payload.error.eq(error),
            beats.i.valid.eq(complete),
            axi.rdata.eq(beats.o.payload.data),
            axi.rlast.eq(beats.o.payload.last),
            axi.rresp.eq(Mux(beats.o.payload.error, RESPONSE_SLVERR, RESPONSE_OKAY)),
            axi.rvalid.eq(beats.o.valid),
            beats.o.ready.eq(axi.rready),
        ]

    def _write(self, m: Module, scheduler: Scheduler, writes: Signal) -> None:
        """Cut beats into the words that WRITEs carry, and acknowledge."""
        axi, pins, issue = self.axi_write, self.pins, scheduler.issue
        m.submodules.write_splitter = splitter = BurstSplitter(self._chip, self._bus_bytes)
        m.submodules.write_beats = beats = StreamFifo(
            data.StructLayout({"data": 8 * self._bus_bytes, "strb": self._bus_bytes}), _BUFFERED_BEATS
        )
        m.submodules.responses = responses = StreamFifo(1, _BUFFERED_RESPONSES)
        m.d.comb += [
            splitter.i.payload[name].eq(getattr(axi, "aw" + name)) for name in ("addr", "len", "size", "burst")
        ]
        m.d.comb += [
            splitter.i.valid.eq(axi.awvalid),
            axi.awready.eq(splitter.i.ready),
            beats.i.payload.data.eq(axi.wdata),
            beats.i.payload.strb.eq(axi.wstrb),
            beats.i.valid.eq(axi.wvalid),
            axi.wready.eq(beats.i.ready),
        ]

        # Beats are there for a segment if none before it has claimed them. A beat counts a cycle before it comes out of
        # the queue, which is earlier than any column command for it. A segment admitted stays so until it is taken, and
        # the next one comes two cycles later.
        unclaimed = Signal(range(_BUFFERED_BEATS + 1))
        admitted = Signal()
        enters, taken, offered = Signal(), Signal(), Signal()
        segment = splitter.o.payload
        m.d.sync += admitted.eq(
            splitter.o.valid & (unclaimed > segment.len) & (responses.level <= _MOST_RESPONSES),
        )
        m.d.comb += [
            enters.eq(axi.wvalid & axi.wready),
            offered.eq(splitter.o.valid & admitted),
            taken.eq(offered & scheduler.i_write.ready),
            scheduler.i_write.payload.eq(segment),
            scheduler.i_write.valid.eq(offered),
            splitter.o.ready.eq(taken),
        ]
        m.d.sync += unclaimed.eq(unclaimed + enters - Mux(taken, segment.len + 1, 0))

        words = data.ArrayLayout(WORD_BITS, self._bus_bytes // WORD_BYTES)
        strobes = data.ArrayLayout(WORD_BYTES, self._bus_bytes // WORD_BYTES)
        word = Array(data.View(words, beats.o.payload.data))[issue.word]
        strobe = Array(data.View(strobes, beats.o.payload.strb))[issue.word]
        m.d.sync += pins.dq_o.eq(word)
        m.d.comb += beats.o.ready.eq(writes & issue.beat_end)
        with m.If(writes):
            m.d.sync += [pins.dq_oe.eq(1), pins.dqm.eq(Mux(issue.error, -1, ~strobe))]

        # Once a burst is beyond the chip it stays there, so that its last segment speaks for all.
        response = Signal(reset_less=True)
        respond = Signal()
        m.d.sync += [respond.eq(writes & issue.last), response.eq(issue.error)]
        m.d.comb += [
            responses.i.payload.eq(response),
            responses.i.valid.eq(respond),
            axi.bvalid.eq(responses.o.valid),
            axi.bresp.eq(Mux(responses.o.payload, RESPONSE_SLVERR, RESPONSE_OKAY)),
            responses.o.ready.eq(axi.bready),
        ]
