"""Banks of accumulators behind the array."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core.array.layouts import RowToken
from hw.core.memory.collisions import NO_COLLISIONS
from hw.core.memory.scrub import scrubs
from hw.layouts import AccumulatorRead, Scrub
from spec.config import AcceleratorConfig

__all__ = ["Accumulators"]


class Accumulators(wiring.Component):
    """Accumulators of 32 bits, which wrap, to which the array's sums are added; one memory for each column and bank.

    Sums come skewed by one cycle a column, so the place of a row travels along the columns too, one a cycle. Column
    ``c`` reads at its stage ``c``, adds two stages later and writes after that. A bank's read port belongs to the array
    while the bank is being filled and to the post-processor while it is full.

    Latency: a bank is announced, and ``done`` pulses, ``cols + 4`` cycles after its last row's token. Throughput: one
    row a cycle; the same row again after ``ROW_INTERVAL`` cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``cols``, ``lanes``, ``acc_banks`` and ``acc_depth``.
    sum_shape : Shape
        Shape of the array's sums.

    Members
    -------
    token : In(RowToken)
        A row, ``TOKEN_LEAD`` cycles before ``sums[0]``.
    sums : In(ArrayLayout(sum_shape, cols))
        Column ``c`` comes ``c`` cycles after column 0.
    filled : Out(1)
        Pulse: one more bank is full; banks are filled in turn.
    done : Out(1)
        All sums of a GEMM are written.
    acc_read : In(AccumulatorRead)
        Reads of the oldest full bank.
    scrub : In(Scrub())
        Clears a row of every bank.
    """

    TOKEN_LEAD = 3
    """Cycles from a token to ``sums[0]``: the row counter, the memory and the register behind it."""

    ROW_INTERVAL = 4
    """Cycles after which a row that was read has been written."""

    def __init__(self, config: AcceleratorConfig, *, sum_shape: Any) -> None:
        self._config = config
        super().__init__(
            {
                "token": In(RowToken),
                "sums": In(data.ArrayLayout(sum_shape, config.cols)),
                "filled": Out(1),
                "done": Out(1),
                "acc_read": In(AccumulatorRead(config)),
                "scrub": In(Scrub()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        banks, cols = self._config.acc_banks, self._config.cols
        row_shape = range(self._config.acc_depth)
        place_layout = data.StructLayout(
            {
                "row": row_shape,
                "bank": unsigned(banks),
                "clear": 1,
                "release": 1,
                "done": 1,
            }  # bank is one-hot, 0: no row
        )

        # Stage c of this line is the row that column c reads now.
        line = Signal(data.ArrayLayout(place_layout, cols + self.ROW_INTERVAL - 1))
        place = Signal(place_layout)
        fill = Signal(unsigned(banks), init=1)
        m.d.comb += [
            place.row.eq(Mux(self.token.first, 0, line[0].row + self.token.valid)),
            place.bank.eq(Mux(self.token.valid, fill, 0)),
            place.clear.eq(self.token.clear),
            place.release.eq(self.token.release),
            place.done.eq(self.token.done),
        ]
        m.d.sync += line.as_value().eq(Cat(place, line))
        with m.If(self.token.release):
            m.d.sync += fill.eq(fill.rotate_left(1))

        # The scrub is one cycle late so that the sums, its data, are zero by then; a reset must not hold it back.
        scrub_en = Signal(reset_less=True)
        scrub_row = Signal(row_shape, reset_less=True)
        m.d.sync += [scrub_en.eq(scrubs(self.scrub, self._config.acc_depth)), scrub_row.eq(self.scrub.addr)]

        contents: list[list[Any]] = [[] for _ in range(banks)]
        for c in range(cols):
            reading, loading, writing = line[c], line[c + 1], line[c + 3]
            present = Signal(signed(32), name=f"present_{c}", reset_less=True)
            total = Signal(signed(32), name=f"sum_{c}", reset_less=True)
            masked: Any = 0
            for b in range(banks):
                memory = Memory(shape=signed(32), depth=self._config.acc_depth, init=[], attrs=NO_COLLISIONS)
                m.submodules[f"bank_{b}_column_{c}"] = memory
                read, write = memory.read_port(), memory.write_port()
                wanted = self.acc_read.en & (self.acc_read.bank == b) & (self.acc_read.chunk == c // self._config.lanes)
                m.d.comb += [
                    read.en.eq(reading.bank[b] | wanted),
                    read.addr.eq(Mux(reading.bank[b], reading.row, self.acc_read.row)),
                    write.en.eq(writing.bank[b] | scrub_en),
                    write.addr.eq(Mux(scrub_en, scrub_row, writing.row)),
                    write.data.eq(total),
                ]
                contents[b].append(read.data)
                masked |= Mux(loading.bank[b], read.data, 0)
            m.d.sync += [
                present.eq(Mux(loading.clear, 0, masked)),
                total.eq(Mux(self.scrub.en, 0, present + self.sums[c])),
            ]

        self._post_reads(m, contents)
        m.d.sync += [self.filled.eq(line[-1].release), self.done.eq(line[-1].done)]
        return m

    def _post_reads(self, m: Module, contents: list[list[Any]]) -> None:
        """Choose the bank in the cycle after a read of the post-processor, and the chunk in the next."""
        lanes, chunks = self._config.lanes, self._config.chunks_per_tile
        bank, chunk, late_chunk = (
            Signal.like(value, name=name, reset_less=True)
            for name, value in (
                ("bank", self.acc_read.bank),
                ("chunk", self.acc_read.chunk),
                ("late", self.acc_read.chunk),
            )
        )
        m.d.sync += [bank.eq(self.acc_read.bank), chunk.eq(self.acc_read.chunk), late_chunk.eq(chunk)]
        row = Signal(data.ArrayLayout(data.ArrayLayout(signed(32), lanes), chunks), reset_less=True)
        sums = Signal(self.acc_read.data.shape(), reset_less=True)
        m.d.sync += [row.eq(Cat(contents[0])), sums.eq(row[0])]
        for b in range(1, len(contents)):
            with m.If(bank == b):
                m.d.sync += row.eq(Cat(contents[b]))
        for j in range(1, chunks):
            with m.If(late_chunk == j):
                m.d.sync += sums.eq(row[j])
        m.d.comb += self.acc_read.data.eq(sums)
