"""Walks the tiles, rows and chunks of DRAIN and SWEEP, and holds them back until all they need is there."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, ValueLike, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import AcceleratorConfig
from hw.isa import ParamMode
from hw.layouts import RowJob
from hw.post.layouts import Sink, chunk_layout, command

__all__ = ["Sequencer"]

_position = data.StructLayout(
    {
        "chunk": unsigned(16),  # of the row, over all tiles
        "word": unsigned(16),  # of the scratchpad row
        "byte": unsigned(8),  # in that word
        "word_ends": 1,  # they are its last bytes
        "left": unsigned(16),  # columns below n, from this chunk on
        "short": 1,  # they fit one chunk
    }
)

_row = data.StructLayout(
    {
        "row": unsigned(12),
        "left": unsigned(12),  # rows after this one
        "last": 1,  # there are none
        "stats_addr": unsigned(12),
        "next_stats_addr": unsigned(12),  # of the row that follows, which may be the next tile's first
        "vector_addr": unsigned(20),  # first words of the row
        "dest_addr": unsigned(20),
    }
)


class Sequencer(wiring.Component):
    """Issue one chunk per cycle, in the order of the instruction's loops.

    A command starts while earlier ones are still in the pipeline only if all of these are DRAINs that stay on chip and
    it reads nothing from the vector memory that they may write. A chunk waits for its accumulator bank, for its row's
    scalars and for room on the way to memory.

    The bank is handed back with the issue of its last chunk, a cycle before its read request: the array cannot use a
    bank so soon.

    What decides about an issue is kept in registers beside what it follows from, whether the next row's scalars are
    there is asked a row ahead, and whether the next command may start a cycle ahead: an issue moves everything here, so
    its path must be short.

    Latency: 2 cycles from a command to its first chunk, 3 if that needs scalars; 1 from issue to ``o``. Throughput: one
    chunk per cycle, without a bubble between rows, tiles and commands that overlap and have more than one chunk;
    ``spacing - 1`` idle cycles where the statistics of a row may return early.

    Parameters
    ----------
    config : AcceleratorConfig
    spacing : int
        Least number of cycles from a row's last chunk to the next chunk that changes its statistics.
    in_flight : int
        Most commands that the pipeline can hold.

    Members
    -------
    i : In(stream.Signature(command))
    o : Out(chunk_layout(config))
        A chunk in each cycle in which its ``valid`` is set.
    bank : In(stream.Signature(range(acc_banks)))
        Full banks; the transfer frees one.
    query : Out(12), pending : In(1)
        Row whose chunks wait while the row unit needs it; the next row where the present one does not wait.
    job : Out(RowJob)
        Last command's work for the row unit, from its start until ``job_taken``.
    job_taken : In(1)
        The row unit has taken the job.
    room : In(1), reserve : Out(1)
        A chunk to memory may be issued; one is.
    memory_addr : Out(32)
        Destination of the DRAIN to memory whose chunks are in flight.
    done : In(1)
        A command has made its last write.
    busy, wait_bank, wait_row, wait_memory, wait_instruction : Out(1)
        What became of this cycle: exactly one is set. See :class:`hw.post.engine.PostEngine`.
    """

    i: stream.Interface
    o: Any
    bank: stream.Interface
    query: Signal
    pending: Signal
    job: Any
    job_taken: Signal
    room: Signal
    reserve: Signal
    memory_addr: Signal
    done: Signal
    busy: Signal
    wait_bank: Signal
    wait_row: Signal
    wait_memory: Signal
    wait_instruction: Signal

    def __init__(self, config: AcceleratorConfig, *, spacing: int, in_flight: int) -> None:
        self._config, self._spacing, self._in_flight = config, spacing, in_flight
        super().__init__(
            {
                "i": In(stream.Signature(command)),
                "o": Out(chunk_layout(config)),
                "bank": In(stream.Signature(range(config.acc_banks))),
                "query": Out(12),
                "pending": In(1),
                "job": Out(RowJob),
                "job_taken": In(1),
                "room": In(1),
                "reserve": Out(1),
                "memory_addr": Out(32),
                "done": In(1),
                "busy": Out(1),
                "wait_bank": Out(1),
                "wait_row": Out(1),
                "wait_memory": Out(1),
                "wait_instruction": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        active, now, to_memory = Signal(), Signal(command, reset_less=True), Signal()
        start, issue = Signal(), Signal()
        row_ends, tile_ends, ends = Signal(), Signal(), Signal()  # the next chunk is the last of its row, tile, command

        row_pending = self._walk(m, now, start=start, issue=issue, row_ends=row_ends, tile_ends=tile_ends, ends=ends)
        may_start, memory_pending = self._dependencies(m, start)
        spaced = self._space(m, now, issue, tile_ends, ends)

        # Nothing but a start can take this back.
        startable = Signal()
        m.d.sync += startable.eq(self.i.valid & may_start & ~start)

        bank_ready, row_ready, memory_ready = Signal(), Signal(), Signal()
        m.d.comb += [
            bank_ready.eq(~now.tiled | self.bank.valid),
            row_ready.eq(spaced & ~(now.row_needed & row_pending)),
            memory_ready.eq(~to_memory | self.room),
            issue.eq(active & bank_ready & row_ready & memory_ready),
            self.reserve.eq(issue & to_memory),
            self.bank.ready.eq(issue & now.tiled & tile_ends),
            start.eq(startable & (~active | (issue & ends))),
            self.i.ready.eq(start),
            self.memory_addr.eq(now.dest_addr),
        ]
        with m.If(start):
            m.d.sync += [active.eq(1), now.eq(self.i.payload)]
            m.d.sync += to_memory.eq(self.i.payload.recipe.sink == Sink.MEMORY)
        with m.Elif(issue & ends):
            m.d.sync += active.eq(0)

        with m.If(active):
            m.d.comb += [
                self.busy.eq(issue),
                self.wait_bank.eq(~bank_ready),
                self.wait_row.eq(bank_ready & ~row_ready),
                self.wait_memory.eq(bank_ready & row_ready & ~memory_ready),
            ]
        with m.Elif(~self.i.valid | start):
            m.d.comb += self.wait_instruction.eq(1)
        with m.Else():
            m.d.comb += [self.wait_memory.eq(memory_pending), self.wait_row.eq(~memory_pending)]
        return m

    def _walk(
        self, m: Module, now: Any, *, start: Any, issue: Any, row_ends: Signal, tile_ends: Signal, ends: Signal
    ) -> Signal:
        """Keep the place in the loops; put chunks into ``o``. Return whether the row's scalars may be missing."""
        config = self._config
        row, column = Signal(_row, reset_less=True), Signal(self.o.column.shape(), reset_less=True)
        place, tile_start, step = (
            Signal(_position, name=name, reset_less=True) for name in ("place", "tile_start", "step")
        )
        row_first, first_tile, row_pending = Signal(), Signal(), Signal()

        last_byte, last_column = config.rows - config.lanes, config.chunks_per_tile - 1
        m.d.comb += [
            step.chunk.eq(place.chunk + 1),
            step.word.eq(place.word + place.word_ends),
            step.byte.eq(Mux(place.word_ends, 0, place.byte + config.lanes)),
            step.word_ends.eq(Mux(place.word_ends, last_byte == 0, place.byte + config.lanes == last_byte)),
            step.left.eq(Mux(place.short, 0, place.left - config.lanes)),
            step.short.eq(place.left <= 2 * config.lanes),
            self.query.eq(Mux(row_pending, row.stats_addr, row.next_stats_addr)),
        ]
        m.d.sync += row_pending.eq(start | ((row_pending | (issue & row_ends)) & self.pending))
        with m.If(start):
            begin, first = self.i.payload, Signal(_position)
            m.d.comb += [
                first.byte.eq(begin.dest_byte),
                first.word_ends.eq(begin.dest_byte == last_byte),
                first.left.eq(begin.n),
                first.short.eq(begin.n <= config.lanes),
            ]
            row_is_chunk = _row_ends(begin, first, last_column == 0)
            tile_is_chunk = row_is_chunk & (begin.last_row == 0)
            m.d.sync += [
                row_ends.eq(row_is_chunk),
                tile_ends.eq(tile_is_chunk),
                ends.eq(tile_is_chunk & first.short),
                *(register.eq(first) for register in (place, tile_start)),
                row_first.eq(1),
                first_tile.eq(1),
                column.eq(0),
                *_first_row(row, begin),
            ]
        with m.Elif(issue):
            short = Mux(row_ends & ~tile_ends, tile_start.short, step.short)
            last_row = Mux(tile_ends, now.last_row == 0, Mux(row_ends, row.left == 1, row.last))
            row_will_end = Mux(
                tile_ends,
                _row_ends(now, step, last_column == 0),
                Mux(
                    row_ends,
                    _row_ends(now, tile_start, last_column == 0),
                    _row_ends(now, step, column + 1 == last_column),
                ),
            )
            m.d.sync += [
                row_ends.eq(row_will_end),
                tile_ends.eq(row_will_end & last_row),
                ends.eq(row_will_end & last_row & short),
            ]
            m.d.sync += [place.eq(step), row_first.eq(row_ends), column.eq(column + 1)]
            with m.If(row_ends):
                m.d.sync += [
                    place.eq(tile_start),
                    column.eq(0),
                    row.row.eq(row.row + 1),
                    row.left.eq(row.left - 1),
                    row.last.eq(row.left == 1),
                    row.stats_addr.eq(row.next_stats_addr),
                    row.next_stats_addr.eq(Mux(row.left == 1, now.job.addr, row.next_stats_addr + 1)),
                    row.vector_addr.eq(row.vector_addr + now.vector_stride),
                    row.dest_addr.eq(row.dest_addr + now.dest_stride),
                ]
            with m.If(tile_ends):
                m.d.sync += [
                    *(register.eq(step) for register in (place, tile_start)),
                    first_tile.eq(0),
                    *_first_row(row, now),
                ]

        valid, o = Signal(), Signal(self.o.shape(), reset_less=True)
        m.d.comb += [self.o.eq(o), self.o.valid.eq(valid)]
        m.d.sync += [
            valid.eq(issue),
            o.recipe.eq(now.recipe),
            o.bank.eq(self.bank.payload),
            o.row.eq(row.row),
            o.column.eq(column),
            o.param_addr.eq(
                now.param_addr
                + Mux(now.param_mode == ParamMode.COLUMN, place.chunk, Mux(now.param_mode == ParamMode.ROW, row.row, 0))
            ),
            o.vector_addr.eq(row.vector_addr + place.chunk),
            o.dest_addr.eq(row.dest_addr + Mux(now.recipe.sink == Sink.VECTOR, place.chunk, place.word)),
            o.byte.eq(place.byte),
            o.mask.eq(Cat(place.left > lane for lane in range(config.lanes))),
            o.stats_addr.eq(row.stats_addr),
            o.fresh.eq(now.stats_first & first_tile),
            o.row_first.eq(row_first),
            o.row_last.eq(row_ends),
            o.last.eq(ends),
        ]
        return row_pending

    def _dependencies(self, m: Module, start: Signal) -> tuple[Any, Signal]:
        """Whether the next command may start, and whether one to memory is under way."""
        following = self.i.payload
        in_flight = Signal(range(self._in_flight + 1))
        memory_pending, sweep_pending, vector_pending, job_pending = (
            Signal(name=f"{name}_pending") for name in ("memory", "sweep", "vector", "job")
        )
        to_memory = following.recipe.sink == Sink.MEMORY
        to_vector = following.recipe.sink == Sink.VECTOR
        quiet = in_flight == 0
        overlaps = (
            following.tiled
            & ~to_memory
            & ~memory_pending
            & ~sweep_pending
            & ~(following.recipe.residual & vector_pending)
        )

        m.d.sync += in_flight.eq(in_flight + start - self.done)
        with m.If(start):
            m.d.sync += [
                memory_pending.eq(to_memory),
                sweep_pending.eq(~following.tiled),
                vector_pending.eq(to_vector | (vector_pending & ~quiet)),
            ]
        with m.Elif(quiet):
            m.d.sync += [register.eq(0) for register in (memory_pending, sweep_pending, vector_pending)]

        m.d.sync += job_pending.eq((start & following.recipe.job) | (job_pending & ~self.job_taken))
        with m.If(start & following.recipe.job):
            m.d.sync += self.job.eq(following.job)
        return (quiet | overlaps) & ~(following.row_needed & job_pending), memory_pending

    def _space(self, m: Module, now: Any, issue: Signal, tile_ends: Signal, ends: Signal) -> Any:
        """Hold the next chunk back where the statistics that it changes may still be on their way to memory."""
        spacing = self._spacing
        waits = Signal(spacing - 1)  # a one for each cycle that is left
        early = ends | (now.last_row < spacing - 1)
        with m.If(issue & tile_ends & (now.recipe.write_a | now.recipe.write_b) & early):
            m.d.sync += waits.eq(~0)
        with m.Else():
            m.d.sync += waits.eq(waits >> 1)
        return ~waits[0]


def _row_ends(of: Any, place: Any, last_column: ValueLike) -> Any:
    """Whether the chunk at this place is the last of its row in a command."""
    return Mux(of.recipe.padded, place.short & place.word_ends, place.short | (of.tiled & last_column))


def _first_row(row: Any, begin: Any) -> list[Any]:
    return [
        row.row.eq(0),
        row.left.eq(begin.last_row),
        row.last.eq(begin.last_row == 0),
        row.stats_addr.eq(begin.job.addr),
        row.next_stats_addr.eq(begin.job.addr + (begin.last_row != 0)),
        row.vector_addr.eq(begin.vector_addr),
        row.dest_addr.eq(begin.dest_addr),
    ]
