"""The post-processor: everything between accumulators and the next GEMM's operand."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.memory.scrub import pass_scrub
from hw.core.post.bank_queue import BankQueue
from hw.core.post.datapath import Datapath
from hw.core.post.decoder import Decoder
from hw.core.post.layouts import Sink
from hw.core.post.output_fifo import OutputFifo
from hw.core.post.param_memory import ParamMemory
from hw.core.post.row_memory import RowMemory
from hw.core.post.row_unit import RowUnit
from hw.core.post.sequencer import Sequencer
from hw.core.post.statistics import Statistics
from hw.core.post.table_memory import TableMemory
from hw.core.post.vector_memory import VectorMemory
from hw.core.post.writer import Writer
from hw.layouts import INSTRUCTION, AccumulatorRead, LoadWrite, MaskedWrite, Scrub, param_record
from spec.config import AcceleratorConfig

__all__ = ["PostEngine"]


class PostEngine(wiring.Component):
    """The engine that executes DRAIN and SWEEP as ``docs/architecture.md`` defines them, ``lanes`` values per cycle.

    One pipeline of fixed length that never stalls; whatever a chunk has to wait for, it waits for at its issue.

    Latency: an instruction is done ``latency`` cycles after the issue of its last chunk (a DRAIN to memory with
    ``write_done``). Throughput: one chunk of ``lanes`` values per cycle; rows of GATHER, one per cycle. DRAINs on chip
    follow one another without a bubble, but for 3 cycles after the last row of one with statistics, and after each of
    its tiles if these have less than 4 rows. Every SWEEP, a DRAIN after a SWEEP, one with a residual after one to the
    vector memory, and one before or after a DRAIN to memory wait until all earlier instructions are done.

    LAYERNORM writes neither bytes nor vector values at or beyond ``n``. MAX leaves ``b`` and SOFTMAX leaves ``a`` as it
    is.

    Parameters
    ----------
    config : AcceleratorConfig

    Attributes
    ----------
    latency : int

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        Checked instructions whose tokens were taken.
    done : Out(1)
        Pulse for each instruction, in order, when all its writes are performed.
    filled : In(1)
        Pulse: one more accumulator bank is full; banks are filled in turn.
    freed : Out(1)
        Pulse: the oldest full bank is given back. Its last read request comes in the same cycle.
    acc_read : Out(AccumulatorRead(config))
    post_write : Out(MaskedWrite(config))
        To the scratchpad.
    load_vector : In(LoadWrite(ArrayLayout(signed(16), lanes)))
        Waits while the post-processor writes.
    load_param : In(LoadWrite(ArrayLayout(param_record, lanes)))
    load_table : In(LoadWrite(ArrayLayout(unsigned(8), 8)))
        ``addr`` is ``256 * table + group``.
    o_memory : Out(stream.Signature({"data": ArrayLayout(signed(32), lanes), "addr": 32, "last": 1}))
        Chunks of a DRAIN to memory in loop order, ``addr`` its ``dest_addr``, ``last`` with its last chunk.
    write_done : In(1)
        The chunks up to the one with ``last`` are in memory.
    scrub : In(Scrub())
    busy, wait_bank, wait_row, wait_memory, wait_instruction : Out(1)
        Exactly one in each cycle: a chunk was issued; the DRAIN waits for a full bank; for row scalars, for the
        pipeline to perform what it depends on, or for a row's statistics; for the bus to take or acknowledge results;
        there is nothing to do (this includes the cycle in which an instruction starts).
    """

    i: stream.Interface
    done: Signal
    filled: Signal
    freed: Signal
    acc_read: Any
    post_write: Any
    load_vector: stream.Interface
    load_param: stream.Interface
    load_table: stream.Interface
    o_memory: stream.Interface
    write_done: Signal
    scrub: Any
    busy: Signal
    wait_bank: Signal
    wait_row: Signal
    wait_memory: Signal
    wait_instruction: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self.datapath, self.statistics = Datapath(config), Statistics(config)
        self.vector_memory, self.row_memory = VectorMemory(config), RowMemory(config)
        self.param_memory, self.table_memory = ParamMemory(config), TableMemory(config)
        self.latency = 2 + Datapath.LATENCY + self.statistics.latency
        lanes = config.lanes
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION)),
                "done": Out(1),
                "filled": In(1),
                "freed": Out(1),
                "acc_read": Out(AccumulatorRead(config)),
                "post_write": Out(MaskedWrite(config)),
                "load_vector": In(LoadWrite(data.ArrayLayout(signed(16), lanes))),
                "load_param": In(LoadWrite(data.ArrayLayout(param_record, lanes))),
                "load_table": In(LoadWrite(data.ArrayLayout(unsigned(8), 8))),
                "o_memory": Out(
                    stream.Signature(
                        data.StructLayout(
                            {"data": data.ArrayLayout(signed(32), lanes), "addr": unsigned(32), "last": 1}
                        )
                    )
                ),
                "write_done": In(1),
                "scrub": In(Scrub()),
                "busy": Out(1),
                "wait_bank": Out(1),
                "wait_row": Out(1),
                "wait_memory": Out(1),
                "wait_instruction": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        config = self._config
        m.submodules.banks = banks = BankQueue(config)
        m.submodules.decoder = decoder = Decoder()
        m.submodules.sequencer = sequencer = Sequencer(config, spacing=Statistics.SPACING, in_flight=self.latency + 3)
        m.submodules.datapath = datapath = self.datapath
        m.submodules.statistics = statistics = self.statistics
        m.submodules.writer = writer = Writer(config)
        m.submodules.output = output = OutputFifo(config)
        m.submodules.row_unit = row_unit = RowUnit(config)
        m.submodules.vector_memory = vector_memory = self.vector_memory
        m.submodules.param_memory = param_memory = self.param_memory
        m.submodules.table_memory = table_memory = self.table_memory
        m.submodules.row_memory = row_memory = self.row_memory

        # Instructions become chunks.
        wiring.connect(m, wiring.flipped(self.i), decoder.i)
        wiring.connect(m, decoder.o, sequencer.i)
        wiring.connect(m, banks.bank, sequencer.bank)
        m.d.comb += [banks.filled.eq(self.filled), self.freed.eq(banks.freed)]
        for name in ("busy", "wait_bank", "wait_row", "wait_memory", "wait_instruction"):
            m.d.comb += getattr(self, name).eq(getattr(sequencer, name))

        # Chunks become results.
        wiring.connect(m, datapath.acc_read, wiring.flipped(self.acc_read))
        wiring.connect(m, datapath.vector, vector_memory.read)
        wiring.connect(m, datapath.bias, param_memory.bias)
        wiring.connect(m, datapath.mul, param_memory.mul)
        wiring.connect(m, datapath.mul2, param_memory.mul2)
        wiring.connect(m, datapath.scalars, row_memory.scalars)
        m.d.comb += [
            datapath.i.eq(sequencer.o),
            table_memory.en.eq(datapath.table_en),
            table_memory.table.eq(datapath.table),
            table_memory.index.eq(datapath.index),
            datapath.entry.eq(table_memory.entry),
        ]

        # Results are written, and their statistics gathered.
        wiring.connect(m, writer.post_write, wiring.flipped(self.post_write))
        m.d.comb += [
            writer.i.eq(datapath.o),
            writer.values.eq(datapath.result),
            writer.normalized_chunk.eq(datapath.normalized_chunk),
            writer.normalized.eq(datapath.normalized),
            vector_memory.write_en.eq(writer.vector_en),
            vector_memory.write_mask.eq(writer.vector_mask),
            vector_memory.write_addr.eq(writer.vector_addr),
            vector_memory.write_data.eq(writer.vector_data),
            statistics.i.eq(datapath.o),
            statistics.values.eq(datapath.result),
            row_memory.write_a.eq(statistics.write_a),
            row_memory.write_b.eq(statistics.write_b),
            row_memory.write_addr.eq(statistics.write_addr),
            row_memory.write_data.eq(statistics.write_data),
        ]

        # SOFTMAX reads maxima when it starts, and statistics that continue are read when they are due: never both at
        # once, as SOFTMAX starts its rows anew and waits for all before it.
        m.d.comb += [
            row_memory.stats.en.eq(datapath.stats.en | statistics.read.en),
            row_memory.stats.addr.eq(Mux(datapath.stats.en, datapath.stats.addr, statistics.read.addr)),
            datapath.stats.data.eq(row_memory.stats.data),
            statistics.read.data.eq(row_memory.stats.data),
        ]

        # The row unit gets its job when the last statistics are written.
        finished = statistics.o
        with m.If(finished.valid & finished.last & finished.recipe.job):
            m.d.sync += row_unit.i.valid.eq(1)
        with m.Elif(row_unit.i.ready):
            m.d.sync += row_unit.i.valid.eq(0)
        m.d.comb += [
            row_unit.i.payload.eq(sequencer.job),
            sequencer.job_taken.eq(row_unit.i.valid & row_unit.i.ready),
            row_unit.query.eq(sequencer.query),
            sequencer.pending.eq(row_unit.pending),
            row_memory.unit_stats_addr.eq(row_unit.stats_addr),
            row_unit.stats_data.eq(row_memory.unit_stats_data),
            row_memory.unit_scalars_en.eq(row_unit.scalars_en),
            row_memory.unit_scalars_addr.eq(row_unit.scalars_addr),
            row_memory.unit_scalars_data.eq(row_unit.scalars_data),
        ]

        # DRAINs to memory leave early and end late.
        m.d.comb += [
            sequencer.room.eq(output.room),
            output.reserve.eq(sequencer.reserve),
            output.en.eq(datapath.memory_en),
            output.data.eq(datapath.memory_data),
            output.last.eq(datapath.memory_last),
            self.o_memory.valid.eq(output.o.valid),
            output.o.ready.eq(self.o_memory.ready),
            self.o_memory.payload.data.eq(output.o.payload.data),
            self.o_memory.payload.last.eq(output.o.payload.last),
            self.o_memory.payload.addr.eq(sequencer.memory_addr),
            sequencer.done.eq(self.done),
        ]
        m.d.sync += self.done.eq(
            self.write_done | (finished.valid & finished.last & (finished.recipe.sink != Sink.MEMORY))
        )

        wiring.connect(m, wiring.flipped(self.load_vector), vector_memory.load)
        wiring.connect(m, wiring.flipped(self.load_param), param_memory.load)
        wiring.connect(m, wiring.flipped(self.load_table), table_memory.load)
        pass_scrub(m, self.scrub, (vector_memory, param_memory, table_memory, row_memory, output))
        return m
