"""Reads of the rows of A."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.array.layouts import RowToken, Tile
from hw.layouts import BankedRead
from spec.config import AcceleratorConfig

__all__ = ["RowStreamer"]


class RowStreamer(wiring.Component):
    """A streamer that requests the rows of A of one tile, one a cycle.

    Latency: the first request and its token come in the cycle after ``start``; its word ``OPERAND_LATENCY`` cycles
    later. Throughput: one row a cycle; ``start`` may come in the cycle of the last request.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows``.

    Members
    -------
    tile : In(Tile)
        What to stream, at ``start``.
    start : In(1)
        Begin; only when ``ahead`` is 0.
    ahead : Out(12)
        Rows that are still to be requested after this cycle.
    read : Out(BankedRead)
        Requests, which are always ready.
    token : Out(RowToken)
        What goes with the present request.
    operands : Out(ArrayLayout(signed(9), rows))
        Words, extended as ``a_unsigned`` says.
    """

    OPERAND_LATENCY = BankedRead.LATENCY + 1
    """Cycles from a request to its extended word: the scratchpad's and the register here."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "tile": In(Tile),
                "start": In(1),
                "ahead": Out(Tile["m"].shape),
                "read": Out(BankedRead(config)),
                "token": Out(RowToken),
                "operands": Out(data.ArrayLayout(signed(9), config.rows)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        tile = Signal(Tile, reset_less=True)
        last = Signal()

        m.d.comb += [
            last.eq(self.ahead == 0),
            self.token.valid.eq(self.read.en),
            self.token.clear.eq(self.read.en & tile.clear),
            self.token.release.eq(self.read.en & last & tile.release),
            self.token.done.eq(self.read.en & last & tile.done),
        ]
        m.d.sync += [
            self.token.first.eq(self.start),
            self.read.addr.eq(self.read.addr + tile.a_stride),
        ]
        with m.If(self.start):
            m.d.sync += [
                tile.eq(self.tile),
                self.ahead.eq(self.tile.m - 1),
                self.read.en.eq(1),
                self.read.addr.eq(self.tile.a_addr),
            ]
        with m.Elif(last):
            m.d.sync += self.read.en.eq(0)
        with m.Else():
            m.d.sync += self.ahead.eq(self.ahead - 1)

        extend_as_unsigned = Signal(BankedRead.LATENCY)  # the flag waits for the word
        m.d.sync += extend_as_unsigned.eq(Cat(tile.a_unsigned, extend_as_unsigned))
        operands = Signal(self.operands.shape(), reset_less=True)
        m.d.comb += self.operands.eq(operands)
        for operand, byte in zip(operands, self.read.data, strict=True):
            m.d.sync += operand.eq(Cat(byte, byte[-1] & ~extend_as_unsigned[-1]).as_signed())
        return m
