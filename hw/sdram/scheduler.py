"""From segments to commands."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.sdram.command import Command
from hw.sdram.open_rows import OpenRows
from hw.sdram.pins import ADDRESS_BITS, AUTO_PRECHARGE_BIT
from hw.sdram.power_up import PowerUp
from hw.sdram.refresh_timer import RefreshTimer
from hw.sdram.segment import segment_layout, words_per_beat
from spec.sdram_chip import SdramChip

__all__ = ["Scheduler", "issue_layout"]


def issue_layout(chip: SdramChip, bus_bytes: int) -> data.StructLayout:
    """Return the layout of a command with what its data need.

    ``word`` is the place of the command's word in its beat, ``beat_end`` marks a beat's last word, ``last`` a burst's.
    """
    return data.StructLayout(
        {
            "command": Command,
            "bank": exact_log2(chip.banks),
            "a": ADDRESS_BITS,
            "word": exact_log2(words_per_beat(chip, bus_bytes)),
            "beat_end": 1,
            "last": 1,
            "error": 1,
        }
    )


class Scheduler(wiring.Component):
    """A scheduler that brings up the chip, then turns segments into commands that keep the chip's times, and refreshes.

    Segments of reads and of writes take turns while both wait. A segment, once begun, is given one column command per
    cycle; the next one is fetched meanwhile and follows without a gap if it goes the same way and its row is open.
    A refresh that becomes due is issued after the segment under way. Rows stay open until a refresh or another row of
    their bank is asked for.

    Latency: from a segment to its first column command 4 cycles if its row is open, from a closed bank
    ``4 + tRCD``, from another row ``4 + tRP + tRCD``. Throughput: one word per cycle.

    Parameters
    ----------
    chip : SdramChip
    clock_hz : float
    bus_bytes : int

    Members
    -------
    i_read : In(stream.Signature(segment_layout(chip)))
        Only offered when there is room for its data.
    i_write : In(stream.Signature(segment_layout(chip)))
        Only offered when all its data are there.
    ready : Out(1)
        The chip has been brought up.
    issue : Out(issue_layout(chip, bus_bytes))
        Out of registers.

    Raises
    ------
    ValueError
        See `words_per_beat` and `SdramChip.timing`.
    """

    i_read: stream.Interface
    i_write: stream.Interface
    ready: Any
    issue: Any

    def __init__(self, chip: SdramChip, clock_hz: float, bus_bytes: int) -> None:
        self._chip = chip
        self._clock_hz = clock_hz
        self._timing = chip.timing(clock_hz)
        self._words_per_beat = words_per_beat(chip, bus_bytes)
        layout = issue_layout(chip, bus_bytes)
        super().__init__(
            {
                "i_read": In(stream.Signature(segment_layout(chip))),
                "i_write": In(stream.Signature(segment_layout(chip))),
                "ready": Out(1),
                "issue": Out(layout, init={"command": Command.NOP}),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        chip, timing = self._chip, self._timing
        m.submodules.power_up = power_up = PowerUp(chip, self._clock_hz)
        m.submodules.rows = rows = OpenRows(chip)
        m.submodules.refresh = refresh = RefreshTimer(timing.refi)
        due = Signal()
        m.d.comb += [self.ready.eq(power_up.done), refresh.en.eq(power_up.done), due.eq(refresh.owed != 0)]

        # The queue of one segment: fetched by turns, looked up ahead. A lookup may be late in seeing a row opened but
        # not in seeing one closed, as no column command comes within two cycles of that.
        queued = Signal(segment_layout(chip), reset_less=True)
        queued_write = Signal(reset_less=True)
        queued_valid, queued_hit = Signal(), Signal()
        wrote = Signal()
        take_write, take_queued = Signal(), Signal()
        m.d.comb += [
            take_write.eq(self.i_write.valid & ~(self.i_read.valid & wrote)),
            self.i_write.ready.eq(~queued_valid & take_write),
            self.i_read.ready.eq(~queued_valid & ~take_write),
            rows.lookups[1].bank.eq(queued.bank),
            rows.lookups[1].row.eq(queued.row),
        ]
        m.d.sync += queued_hit.eq(queued_valid & rows.lookups[1].hit)
        with m.If(~queued_valid):
            m.d.sync += [
                queued.eq(Mux(take_write, self.i_write.payload, self.i_read.payload)),
                queued_write.eq(take_write),
                queued_valid.eq(self.i_read.valid | self.i_write.valid),
            ]
            with m.If(self.i_read.valid | self.i_write.valid):
                m.d.sync += wrote.eq(take_write)
        with m.Elif(take_queued):
            m.d.sync += queued_valid.eq(0)

        # The segment under way.
        current = Signal(segment_layout(chip), reset_less=True)
        write = Signal(reset_less=True)
        # Words behind the next one: the last word is the next one when there are -1, whose sign is a register.
        words_left = Signal(signed(len(current.len) + exact_log2(self._words_per_beat) + 1), reset_less=True)
        m.d.comb += [rows.lookups[0].bank.eq(current.bank), rows.lookups[0].row.eq(current.row)]
        with m.If(take_queued):
            m.d.sync += [
                current.eq(queued),
                write.eq(queued_write),
                words_left.eq(Cat(Const(self._words_per_beat - 1, exact_log2(self._words_per_beat)), queued.len) - 1),
            ]

        # Times, counted down to -1 in the first cycle in which a command is allowed: what decides is a register, the
        # sign. One counter of tRAS and tWR serves all banks, and tRC is kept by a later PRECHARGE.
        after_activate = max(timing.ras, timing.rc - timing.rp)
        wait = Signal(range(-1, max(timing.rcd, timing.rrd, timing.rp, timing.rfc) - 1), init=-1)
        ras_wait = Signal(range(-1, after_activate - 1), init=-1)
        wr_wait = Signal(range(-1, max(2, timing.wr) - 1), init=-1)
        turn_wait = Signal(range(-1, chip.cas_latency + 1), init=-1)
        for counter in (wait, ras_wait, wr_wait, turn_wait):
            with m.If(counter >= 0):
                m.d.sync += counter.eq(counter - 1)
        may_precharge = Signal()
        m.d.comb += may_precharge.eq((ras_wait < 0) & (wr_wait < 0))

        issue = Signal.like(self.issue, init={"command": Command.NOP})
        m.d.comb += [issue.bank.eq(current.bank), issue.error.eq(current.error)]
        m.d.sync += self.issue.eq(issue)
        with m.FSM():
            with m.State("POWER_UP"):
                m.d.comb += [issue.command.eq(power_up.command), issue.a.eq(power_up.a)]
                with m.If(power_up.done):
                    m.next = "IDLE"

            with m.State("IDLE"):
                with m.If(due):
                    m.next = "CLOSE"
                with m.Elif(queued_valid):
                    m.d.comb += take_queued.eq(1)
                    m.next = "LOOK_UP"

            with m.State("LOOK_UP"):
                with m.If(rows.lookups[0].hit):
                    m.next = "TRANSFER"
                with m.Elif(rows.lookups[0].open):
                    m.next = "PRECHARGE"
                with m.Else():
                    m.next = "ACTIVATE"

            with m.State("PRECHARGE"), m.If(may_precharge):
                m.d.comb += [issue.command.eq(Command.PRECHARGE), rows.precharge.eq(1)]
                m.d.sync += wait.eq(timing.rp - 2)
                m.next = "ACTIVATE"

            with m.State("ACTIVATE"), m.If(wait < 0):
                m.d.comb += [issue.command.eq(Command.ACTIVATE), issue.a.eq(current.row), rows.activate.eq(1)]
                m.d.sync += [wait.eq(max(timing.rcd, timing.rrd - 1) - 2), ras_wait.eq(after_activate - 2)]
                m.next = "TRANSFER"

            with m.State("TRANSFER"), m.If((wait < 0) & (~write | (turn_wait < 0))):
                final = Signal()
                word = Signal.like(issue.word)
                m.d.comb += [
                    final.eq(words_left < 0),
                    word.eq(current.column),
                    issue.command.eq(Mux(write, Command.WRITE, Command.READ)),
                    issue.a.eq(current.column),
                    issue.word.eq(word),
                    issue.beat_end.eq(word == self._words_per_beat - 1),
                    issue.last.eq(final & current.last),
                ]
                with m.If(write):
                    m.d.sync += wr_wait.eq(timing.wr - 2)
                with m.Else():
                    m.d.sync += turn_wait.eq(chip.cas_latency)
                with m.If(~final):
                    m.d.sync += [current.column.eq(current.column + 1), words_left.eq(words_left - 1)]
                with m.Elif(queued_valid & queued_hit & ~due):
                    m.d.comb += take_queued.eq(1)
                with m.Else():
                    m.next = "IDLE"

            with m.State("CLOSE"):
                with m.If(~rows.any_open):
                    m.next = "REFRESH"
                with m.Elif(may_precharge):
                    m.d.comb += [
                        issue.command.eq(Command.PRECHARGE),
                        issue.a.eq(1 << AUTO_PRECHARGE_BIT),
                        rows.precharge_all.eq(1),
                    ]
                    m.d.sync += wait.eq(timing.rp - 2)
                    m.next = "REFRESH"

            with m.State("REFRESH"), m.If(wait < 0):
                m.d.comb += [issue.command.eq(Command.REFRESH), refresh.taken.eq(1)]
                m.d.sync += wait.eq(timing.rfc - 2)
                m.next = "IDLE"
        return m
