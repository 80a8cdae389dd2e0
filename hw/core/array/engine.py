"""The array engine: GEMM instructions in, full accumulator banks out."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.core.array.accumulators import Accumulators
from hw.core.array.layouts import Cause, RowToken, word_layout
from hw.core.array.row_streamer import RowStreamer
from hw.core.array.systolic_array import SystolicArray
from hw.core.array.tile_feeder import TileFeeder
from hw.core.array.tile_fifo import TileFifo
from hw.core.array.tile_loader import TileLoader
from hw.core.array.tile_walker import TileWalker
from hw.core.memory.scrub import pass_scrub
from hw.layouts import INSTRUCTION, AccumulatorRead, BankedRead, Scrub
from spec.config import AcceleratorConfig

__all__ = ["ArrayEngine"]


class ArrayEngine(wiring.Component):
    """The engine of GEMMs, tile after tile without a gap where ``m`` is at least ``cols`` and everything is there.

    The walker unrolls GEMMs into tiles; the loader runs ahead of it and reads tiles of B from the scratchpad, also
    those of the next GEMM; the feeder starts a tile when all it needs is there; the streamer requests its rows of A;
    tokens follow these to the accumulators.

    Latency: ``done`` comes ``rows + cols + 8`` cycles after the last row's request. Throughput: a tile takes
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
    filled : Out(1)
        Pulse: one more accumulator bank is full; banks are filled in turn.
    freed : In(1)
        Pulse: the oldest full bank has become free.
    acc_read : In(AccumulatorRead)
        Reads of the oldest full bank.
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
                "filled": Out(1),
                "freed": In(1),
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
        prefetch_words = 2 * config.cols + BankedRead.LATENCY - 1

        m.submodules.array = array = SystolicArray(config)
        m.submodules.accumulators = accumulators = Accumulators(config, sum_shape=array.sums.shape().elem_shape)
        m.submodules.walker = walker = TileWalker(config)
        m.submodules.loader = loader = TileLoader(config, room=prefetch_words)
        m.submodules.loaded = loaded = TileFifo(config, depth=prefetch_words)
        m.submodules.streamed = streamed = TileFifo(config, depth=config.weight_fifo_words)
        m.submodules.streamer = streamer = RowStreamer(config)
        m.submodules.feeder = feeder = TileFeeder(config, interval=max(config.cols, accumulators.ROW_INTERVAL))

        # An instruction goes to the walker and, for its B, to the loader.
        m.d.comb += [
            self.i.ready.eq(walker.i.ready & loader.i.ready),
            walker.i.valid.eq(self.i.valid & loader.i.ready),
            walker.i.payload.eq(self.i.payload),
            loader.i.valid.eq(self.i.valid & walker.i.ready),
            loader.i.payload.eq(self.i.payload),
        ]

        connect(m, flipped(self.b_read), loader.read)
        connect(m, loader.o, loaded.i)
        m.d.comb += loader.used.eq(loaded.o.pop)
        connect(m, flipped(self.i_weights), streamed.i)
        m.d.comb += self.weights_free.eq(streamed.free)

        connect(m, walker.o, feeder.i)
        connect(m, feeder.loaded, loaded.o)
        connect(m, feeder.streamed, streamed.o)
        m.d.comb += [
            feeder.ahead.eq(streamer.ahead),
            feeder.freed.eq(self.freed),
            streamer.tile.eq(feeder.tile),
            streamer.start.eq(feeder.start),
        ]
        connect(m, flipped(self.a_read), streamer.read)

        # The word of column 0 arrives in the cycle after the request of row 0, and waits with the swap for row 0.
        swap, weights = Signal(), feeder.weights
        m.d.sync += swap.eq(streamer.token.first)
        for _ in range(streamer.OPERAND_LATENCY - array.OPERAND_LAG - 1):
            late_swap, late_weights = (
                Signal.like(swap),
                Signal(word_layout(config), name="late_weights", reset_less=True),
            )
            m.d.sync += [late_swap.eq(swap), late_weights.eq(weights)]
            swap, weights = late_swap, late_weights
        m.d.comb += [array.swap.eq(swap), array.weights.eq(weights), array.operands.eq(streamer.operands)]

        # Tokens are as late as their rows' sums.
        lateness = streamer.OPERAND_LATENCY + array.latency - accumulators.TOKEN_LEAD
        tokens = Signal(data.ArrayLayout(RowToken, lateness))
        m.d.sync += tokens.as_value().eq(Cat(streamer.token, tokens))
        m.d.comb += [accumulators.token.eq(tokens[-1]), accumulators.sums.eq(array.sums)]

        m.d.comb += self.filled.eq(accumulators.filled)
        connect(m, flipped(self.acc_read), accumulators.acc_read)
        pass_scrub(m, self.scrub, (loaded, streamed, accumulators))

        waits = {
            Cause.INSTRUCTION: self.wait_instruction,
            Cause.BANK: self.wait_bank,
            Cause.WEIGHTS: self.wait_weights,
            Cause.OPERAND: self.wait_operand,
        }
        m.d.comb += [self.done.eq(accumulators.done), self.busy.eq(streamer.read.en)]
        m.d.comb += [wait.eq(~self.busy & (feeder.cause == cause)) for cause, wait in waits.items()]
        return m
