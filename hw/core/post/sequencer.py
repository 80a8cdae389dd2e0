"""Issue of the chunks of DRAIN and SWEEP, which wait until all they need is there."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.core.post.layouts import Sink, chunk_layout, command
from hw.core.post.walker import Walker
from hw.layouts import RowJob
from spec.config import AcceleratorConfig

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """A sequencer that issues one chunk per cycle, in the order of the instruction's loops.

    The chunks come from a :class:`hw.core.post.walker.Walker`, which is ahead. A command starts while earlier ones are
    still in the pipeline only if all of these are DRAINs that stay on chip and it reads nothing from the vector memory
    that they may write. A chunk waits for its accumulator bank, for its row's scalars and for room on the way to
    memory.

    The bank is handed back with the issue of its last chunk, a cycle before its read request: the array cannot use a
    bank so soon.

    Whether the next row's scalars are there is asked a row ahead, and whether the next command may start a cycle ahead.

    Latency: 3 cycles from a command to its first chunk, 4 if that needs scalars; 1 from issue to ``o``. Throughput: one
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
        What became of this cycle: exactly one is set. See :class:`hw.core.post.engine.PostEngine`.
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
        m.submodules.walker = walker = Walker(self._config, spacing=self._spacing)
        connect(m, flipped(self.i), walker.i)
        may_start, memory_pending = self._dependencies(m, walker.start)
        head, waiting, issue = walker.o.payload, walker.o.valid, walker.o.ready
        row_pending = self._ask(m, head, waiting, issue)
        spaced = self._space(m, issue, head)

        bank_ready, row_ready, memory_ready = Signal(), Signal(), Signal()
        m.d.comb += [
            walker.may_start.eq(may_start),
            self.memory_addr.eq(walker.memory_addr),
            bank_ready.eq(~head.tiled | self.bank.valid),
            row_ready.eq(spaced & ~(head.row_needed & row_pending)),
            memory_ready.eq(~head.to_memory | self.room),
            issue.eq(waiting & bank_ready & row_ready & memory_ready),
            self.reserve.eq(issue & head.to_memory),
            self.bank.ready.eq(issue & head.tiled & head.tile_last),
        ]
        valid, o = Signal(), Signal(self.o.shape(), reset_less=True)
        m.d.comb += [self.o.eq(o), self.o.valid.eq(valid)]
        m.d.sync += valid.eq(issue)
        for name in o.shape().members:
            m.d.sync += o[name].eq(self.bank.payload if name == "bank" else head.chunk[name])

        with m.If(waiting):
            m.d.comb += [
                self.busy.eq(issue),
                self.wait_bank.eq(~bank_ready),
                self.wait_row.eq(bank_ready & ~row_ready),
                self.wait_memory.eq(bank_ready & row_ready & ~memory_ready),
            ]
        with m.Elif(~self.i.valid | walker.start | walker.active):
            m.d.comb += self.wait_instruction.eq(1)
        with m.Else():
            m.d.comb += [self.wait_memory.eq(memory_pending), self.wait_row.eq(~memory_pending)]
        return m

    def _ask(self, m: Module, head: Any, waiting: Any, issue: Any) -> Signal:
        """Return whether the scalars of the first waiting chunk's row may be missing; those of a new command may."""
        row_pending = Signal(init=1)
        m.d.comb += self.query.eq(Mux(row_pending, head.chunk.stats_addr, head.next_stats_addr))
        with m.If(issue):
            m.d.sync += row_pending.eq(head.chunk.row_last & (head.chunk.last | self.pending))
        with m.Elif(waiting):
            m.d.sync += row_pending.eq(row_pending & self.pending)
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

    def _space(self, m: Module, issue: Signal, head: Any) -> Any:
        """Hold the next chunk back where the statistics that it changes may still be on their way to memory."""
        waits = Signal(self._spacing - 1)  # a one for each cycle that is left
        with m.If(issue & head.tile_last & head.spaced):
            m.d.sync += waits.eq(~0)
        with m.Else():
            m.d.sync += waits.eq(waits >> 1)
        return ~waits[0]
