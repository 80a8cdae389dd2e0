"""The walk over tiles, rows and chunks of DRAIN and SWEEP."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, ValueLike, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.stream_buffer import StreamBuffer
from hw.core.post.layouts import Sink, chunk_layout, command
from spec.config import AcceleratorConfig
from spec.isa import ParamMode

__all__ = ["Walker", "step_layout"]

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


def step_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of a chunk that waits for its issue, and of what it waits for."""
    return data.StructLayout(
        {
            "chunk": chunk_layout(config),  # without its bank
            "tiled": 1,
            "row_needed": 1,
            "to_memory": 1,
            "next_stats_addr": range(config.acc_depth),  # of the row behind this one
            "tile_last": 1,
            "spaced": 1,  # the next chunk may change statistics that are still on their way to memory
        }
    )


class Walker(wiring.Component):
    """A walker that makes the chunks of commands in the order of their loops, up to two ahead of their issue.

    An issue would otherwise have to move everything here, and be decided in time for that.

    Latency: 2 cycles from a command to its first chunk. Throughput: one chunk per cycle, without a bubble between rows,
    tiles and commands of more than one chunk.

    Parameters
    ----------
    config : AcceleratorConfig
    spacing : int
        As in :class:`hw.core.post.sequencer.Sequencer`.

    Members
    -------
    i : In(stream.Signature(command))
    may_start : In(1)
        The command may be taken from the next cycle on; nothing but a start takes that back.
    start : Out(1)
        It is taken.
    active : Out(1)
        There are chunks to come of the last command that was taken.
    memory_addr : Out(32)
        Destination of that command.
    o : Out(stream.Signature(step_layout(config)))
    """

    i: stream.Interface
    may_start: Signal
    start: Signal
    active: Signal
    memory_addr: Signal
    o: stream.Interface

    def __init__(self, config: AcceleratorConfig, *, spacing: int) -> None:
        self._config, self._spacing = config, spacing
        super().__init__(
            {
                "i": In(stream.Signature(command)),
                "may_start": In(1),
                "start": Out(1),
                "active": Out(1),
                "memory_addr": Out(32),
                "o": Out(stream.Signature(step_layout(config))),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        active, now = self.active, Signal(command, reset_less=True)
        start, advance = self.start, Signal()
        row_ends, tile_ends, ends = Signal(), Signal(), Signal()  # the next chunk is the last of its row, tile, command

        startable = Signal()
        m.d.sync += startable.eq(self.i.valid & self.may_start & ~start)
        m.d.comb += [
            start.eq(startable & (~active | (advance & ends))),
            self.i.ready.eq(start),
            self.memory_addr.eq(now.dest_addr),
        ]
        with m.If(start):
            m.d.sync += [active.eq(1), now.eq(self.i.payload)]
        with m.Elif(advance & ends):
            m.d.sync += active.eq(0)

        step = self._walk(m, now, start=start, advance=advance, row_ends=row_ends, tile_ends=tile_ends, ends=ends)
        m.submodules.buffer = buffer = StreamBuffer(step_layout(self._config))
        m.d.comb += [buffer.i.payload.eq(step), buffer.i.valid.eq(active)]
        connect(m, buffer.o, flipped(self.o))
        m.d.comb += advance.eq(active & buffer.i.ready)
        return m

    def _walk(
        self, m: Module, now: Any, *, start: Any, advance: Any, row_ends: Signal, tile_ends: Signal, ends: Signal
    ) -> Any:
        """Keep the place in the loops; return the step at it."""
        config = self._config
        row, column = Signal(_row, reset_less=True), Signal(range(max(config.chunks_per_tile, 1)), reset_less=True)
        place, tile_start, step = (
            Signal(_position, name=name, reset_less=True) for name in ("place", "tile_start", "step")
        )
        row_first, first_tile = Signal(), Signal()

        last_byte, last_column = config.rows - config.lanes, config.chunks_per_tile - 1
        m.d.comb += [
            step.chunk.eq(place.chunk + 1),
            step.word.eq(place.word + place.word_ends),
            step.byte.eq(Mux(place.word_ends, 0, place.byte + config.lanes)),
            step.word_ends.eq(Mux(place.word_ends, last_byte == 0, place.byte + config.lanes == last_byte)),
            step.left.eq(Mux(place.short, 0, place.left - config.lanes)),
            step.short.eq(place.left <= 2 * config.lanes),
        ]
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
        with m.Elif(advance):
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

        here = Signal(step_layout(config))
        o = here.chunk
        m.d.comb += [
            here.tiled.eq(now.tiled),
            here.row_needed.eq(now.row_needed),
            here.to_memory.eq(now.recipe.sink == Sink.MEMORY),
            here.next_stats_addr.eq(row.next_stats_addr),
            here.tile_last.eq(tile_ends),
            here.spaced.eq((now.recipe.write_a | now.recipe.write_b) & (ends | (now.last_row < self._spacing - 1))),
            o.recipe.eq(now.recipe),
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
        return here


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
