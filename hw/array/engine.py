"""The array engine: GEMM instructions in, full accumulator banks out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.accumulators import Accumulators
from hw.array.layouts import RowToken, Tile, word_layout
from hw.array.row_streamer import RowStreamer
from hw.array.systolic_array import SystolicArray
from hw.array.tile_fifo import TileFifo
from hw.array.tile_loader import TileLoader
from hw.array.tile_walker import TileWalker
from hw.config import AcceleratorConfig
from hw.layouts import INSTRUCTION, AccumulatorRead, BankedRead, Scrub

__all__ = ["ArrayEngine"]


class _Cause(enum.Enum, shape=2):
    """Why no row of A is requested."""

    INSTRUCTION = 0
    BANK = 1
    WEIGHTS = 2
    OPERAND = 3


class ArrayEngine(wiring.Component):
    """Run GEMMs, tile after tile without a gap where ``m`` is at least ``cols`` and everything is there.

    A tile starts when its words are stored, its accumulator bank is free and the rows before it will be through in time:
    then its ``cols`` words go into the array one a cycle, and its rows follow. Nothing behind this decision ever stalls.
    Tiles of B are read from the scratchpad ahead of time, also those of the next GEMM.

    Latency: ``done`` comes ``rows + cols + 4`` cycles after the last row's request. Throughput: a tile takes
    ``max(m, cols, 4)`` cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows``, ``cols``, ``lanes``, ``acc_banks``, ``acc_depth`` and ``weight_fifo_words``.

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        GEMMs that are checked and have taken their tokens.
    done : Out(1)
        A GEMM has read all of A and B and written its sums; in order.
    a_read, b_read : Out(BankedRead)
        Requests to the scratchpad; those of A must always be ready.
    i_weights : In(stream.Signature(ArrayLayout(unsigned(8), rows)))
        The weight stream.
    weights_free : Out(range(weight_fifo_words + 1))
        Words of the weight stream that there is room for.
    bank : Out(stream.Signature(range(acc_banks)))
        The oldest full bank; the transfer frees it.
    acc_read : In(AccumulatorRead)
        Reads of that bank.
    scrub : In(Scrub())
        Clears accumulators and queues.
    busy : Out(1)
        A row of A is requested in this cycle. If not, exactly one of the following says why; the time that words take
        into the array belongs to what had been waited for before.
    wait_weights, wait_operand : Out(1)
        A tile of the weight stream, or of the scratchpad, is not there yet.
    wait_bank : Out(1)
        No accumulator bank is free.
    wait_instruction : Out(1)
        There is no GEMM.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION)),
                "done": Out(1),
                "a_read": Out(BankedRead(config)),
                "b_read": Out(BankedRead(config)),
                "i_weights": In(stream.Signature(word_layout(config))),
                "weights_free": Out(range(config.weight_fifo_words + 1)),
                "bank": Out(stream.Signature(range(config.acc_banks))),
                "acc_read": In(AccumulatorRead(config)),
                "scrub": In(Scrub()),
                "busy": Out(1),
                "wait_weights": Out(1),
                "wait_operand": Out(1),
                "wait_bank": Out(1),
                "wait_instruction": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        config = self._config
        prefetch_words = 2 * config.cols

        m.submodules.walker = walker = TileWalker(config)
        m.submodules.loader = loader = TileLoader(config, room=prefetch_words)
        m.submodules.loaded = loaded = TileFifo(config, depth=prefetch_words)
        m.submodules.streamed = streamed = TileFifo(config, depth=config.weight_fifo_words)
        m.submodules.streamer = streamer = RowStreamer(config)
        m.submodules.array = array = SystolicArray(config)
        m.submodules.accumulators = accumulators = Accumulators(config, sum_shape=array.sums.shape().elem_shape)

        connect(m, flipped(self.b_read), loader.read)
        connect(m, loader.o, loaded.i)
        connect(m, flipped(self.i_weights), streamed.i)
        connect(m, flipped(self.a_read), streamer.read)
        connect(m, flipped(self.bank), accumulators.bank)
        connect(m, flipped(self.acc_read), accumulators.acc_read)
        for block in (loaded, streamed, accumulators):
            connect(m, flipped(self.scrub), block.scrub)
        m.d.comb += [
            self.weights_free.eq(streamed.free),
            self.done.eq(accumulators.done),
            self.busy.eq(streamer.read.en),
        ]

        # An instruction goes to the walker and, for its B, to the loader.
        m.d.comb += [
            self.i.ready.eq(walker.i.ready & loader.i.ready),
            walker.i.valid.eq(self.i.valid & loader.i.ready),
            walker.i.payload.eq(self.i.payload),
            loader.i.valid.eq(self.i.valid & walker.i.ready),
            loader.i.payload.eq(self.i.payload),
        ]

        # ``words_left`` counts the cycles of a tile's entry; those beyond its words keep short tiles apart.
        tile = walker.o.payload
        interval = max(config.cols, accumulators.ROW_INTERVAL)
        entering = Signal(Tile)
        words_left = Signal(range(interval + 1))
        idle, last_word = Signal(), Signal()
        stored, bank_free, rows_end, start = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            idle.eq(words_left == 0),
            last_word.eq(words_left == 1),
            stored.eq(Mux(tile.b_scratchpad, loaded.tile, streamed.tile)),
            rows_end.eq(Mux(last_word, entering.m, streamer.ahead) <= interval),
            start.eq(walker.o.valid & (idle | last_word) & stored & bank_free & rows_end),
            walker.o.ready.eq(start),
            loaded.claim.eq(start & tile.b_scratchpad),
            streamed.claim.eq(start & ~tile.b_scratchpad),
            streamer.tile.eq(entering),
            streamer.start.eq(last_word),
        ]
        with m.If(start):
            m.d.sync += [entering.eq(tile), words_left.eq(interval)]
        with m.Elif(~idle):
            m.d.sync += words_left.eq(words_left - 1)

        # Banks that are full, or will be with the rows on their way.
        promised = Signal(range(config.acc_banks + 1))
        freed = Signal()
        m.d.comb += [freed.eq(self.bank.valid & self.bank.ready), bank_free.eq(promised != config.acc_banks)]
        m.d.sync += promised.eq(promised + (start & tile.release) - freed)

        self._feed_weights(m, entering.b_scratchpad, ~idle & (words_left <= config.cols), loaded, streamed, array)
        m.d.comb += loader.used.eq(loaded.pop)

        # The weight register is as late as the token of the tile's first row, by one cycle.
        tokens = Signal(data.ArrayLayout(RowToken, streamer.OPERAND_LATENCY + array.latency - accumulators.TOKEN_LEAD))
        m.d.sync += [tokens.as_value().eq(Cat(streamer.token, tokens)), array.swap.eq(streamer.token.first)]
        m.d.comb += [
            array.operands.eq(streamer.operands),
            accumulators.sums.eq(array.sums),
            accumulators.token.eq(tokens[-1]),
        ]

        self._attribute(m, tile, walker.o.valid, bank_free, start, idle, last_word)
        return m

    def _feed_weights(self, m: Module, from_loaded: Any, pop: Any, loaded: Any, streamed: Any, array: Any) -> None:
        """Move a word a cycle from the chosen queue through one register to the array."""
        chosen = Signal()
        m.d.comb += [loaded.pop.eq(pop & from_loaded), streamed.pop.eq(pop & ~from_loaded)]
        m.d.sync += [
            chosen.eq(from_loaded),
            array.weights.eq(Mux(chosen, loaded.o.as_value(), streamed.o.as_value())),
        ]

    def _attribute(
        self, m: Module, tile: Any, tile_valid: Any, bank_free: Any, start: Any, idle: Any, last_word: Any
    ) -> None:
        """Say why no row is requested; remember it for the cycles in which the words enter."""
        now, before, cause = Signal(_Cause), Signal(_Cause), Signal(_Cause)
        with m.If(~tile_valid):
            m.d.comb += now.eq(_Cause.INSTRUCTION)
        with m.Elif(~bank_free):
            m.d.comb += now.eq(_Cause.BANK)
        with m.Elif(tile.b_scratchpad):
            m.d.comb += now.eq(_Cause.OPERAND)
        with m.Else():
            m.d.comb += now.eq(_Cause.WEIGHTS)

        with m.If(last_word | (idle & ~start)):
            m.d.sync += before.eq(now)
        m.d.comb += [
            cause.eq(Mux(idle, now, before)),
            self.wait_instruction.eq(~self.busy & (cause == _Cause.INSTRUCTION)),
            self.wait_bank.eq(~self.busy & (cause == _Cause.BANK)),
            self.wait_weights.eq(~self.busy & (cause == _Cause.WEIGHTS)),
            self.wait_operand.eq(~self.busy & (cause == _Cause.OPERAND)),
        ]
