"""The decision when a tile goes into the array, and the way of its words."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.array.layouts import Cause, Tile, TileRead, word_layout
from spec.config import AcceleratorConfig

__all__ = ["TileFeeder"]


class TileFeeder(wiring.Component):
    """A feeder that sends tiles into the array, each followed by its rows; nothing behind this decision ever stalls.

    A tile is taken when its words are stored, a bank is free, and the rows before it will be through when its words are
    in.

    Latency: ``start`` comes ``interval`` cycles after the transfer of the tile; the word of column 0 two cycles later.
    Throughput: one tile in ``interval`` cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows``, ``cols`` and ``acc_banks``.
    interval : int
        Least cycles from tile to tile; at least ``cols``.

    Members
    -------
    i : In(stream.Signature(Tile))
        Tiles in order of use.
    loaded, streamed : Out(TileRead)
        Words of tiles from the scratchpad and from the weight stream.
    freed : In(1)
        A bank has become free.
    ahead : In(12)
        Rows that are still to be requested after this cycle.
    tile : Out(Tile)
        What to stream, at ``start``.
    start : Out(1)
        The rows of ``tile`` are to follow at once.
    weights : Out(ArrayLayout(unsigned(8), rows))
        Words on their way into the array.
    cause : Out(Cause)
        Why no row is requested, if none is. The cycles in which words enter belong to what had been waited for before.
    """

    def __init__(self, config: AcceleratorConfig, *, interval: int) -> None:
        self._config, self._interval = config, interval
        super().__init__(
            {
                "i": In(stream.Signature(Tile)),
                "loaded": Out(TileRead(config)),
                "streamed": Out(TileRead(config)),
                "freed": In(1),
                "ahead": In(Tile["m"].shape),
                "tile": Out(Tile),
                "start": Out(1),
                "weights": Out(word_layout(config)),
                "cause": Out(Cause),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        new, take = self.i.payload, Signal()
        tile = Signal(Tile, reset_less=True)
        m.d.comb += self.tile.eq(tile)

        # Cycles of the present tile's entry that are left; its words take the last ``cols`` of them. A decision moves
        # everything from here to the walker, so all that it follows from is worked out a cycle ahead.
        left = Signal(range(self._interval + 1))
        idle, popping = Signal(init=1), Signal()
        m.d.comb += popping.eq(~idle & (left <= self._config.cols))
        with m.If(take):
            m.d.sync += [tile.eq(new), left.eq(self._interval), idle.eq(0), self.start.eq(0)]
        with m.Elif(~idle):
            m.d.sync += [left.eq(left - 1), idle.eq(left == 1), self.start.eq(left == 2)]

        # Banks that are full, or will be when all tiles so far are through.
        banks = self._config.acc_banks
        promised, bank_free, promise = Signal(range(banks + 1)), Signal(init=1), Signal()
        m.d.comb += promise.eq(take & new.release)
        m.d.sync += [
            promised.eq(promised + promise - self.freed),
            bank_free.eq(~Mux(promise == self.freed, promised == banks, promise & (promised == banks - 1))),
        ]

        # Rows that are left beyond this cycle are one less in the next, those of a tile that starts there are all left.
        few_ahead, few_new = Signal(init=1), Signal()
        m.d.sync += few_ahead.eq(Mux(self.start, self.tile.m, self.ahead) <= self._interval + 1)
        with m.If(take):
            m.d.sync += few_new.eq(new.m <= self._interval)

        stored, rows_end = Signal(), Signal()
        m.d.comb += [
            stored.eq(Mux(new.b_scratchpad, self.loaded.stored, self.streamed.stored)),
            rows_end.eq(Mux(self.start, few_new, few_ahead)),
            self.i.ready.eq((idle | self.start) & stored & bank_free & rows_end),
            take.eq(self.i.valid & self.i.ready),
            self.loaded.claim.eq(take & new.b_scratchpad),
            self.streamed.claim.eq(take & ~new.b_scratchpad),
        ]

        from_loaded = Signal()
        m.d.comb += [
            self.loaded.pop.eq(popping & self.tile.b_scratchpad),
            self.streamed.pop.eq(popping & ~self.tile.b_scratchpad),
        ]
        weights = Signal.like(self.weights.as_value(), reset_less=True)
        m.d.comb += self.weights.eq(weights)
        m.d.sync += [
            from_loaded.eq(tile.b_scratchpad),
            weights.eq(Mux(from_loaded, self.loaded.word.as_value(), self.streamed.word.as_value())),
        ]

        present, before = Signal(Cause), Signal(Cause)
        with m.If(~self.i.valid):
            m.d.comb += present.eq(Cause.INSTRUCTION)
        with m.Elif(~bank_free):
            m.d.comb += present.eq(Cause.BANK)
        with m.Elif(new.b_scratchpad):
            m.d.comb += present.eq(Cause.OPERAND)
        with m.Else():
            m.d.comb += present.eq(Cause.WEIGHTS)
        with m.If(self.start | (idle & ~take)):
            m.d.sync += before.eq(present)
        m.d.comb += self.cause.eq(Mux(idle, present, before))
        return m
