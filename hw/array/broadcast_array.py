"""An array without a systole, for clocks that are slow."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.systolic_array import OPERAND, WEIGHT, SystolicArray
from hw.config import AcceleratorConfig
from hw.dsp.pair import multiply_pair

__all__ = ["BroadcastArray"]


class BroadcastArray(wiring.Component):
    """Multiply words of the streaming operand with the stationary tile: all columns at once.

    Takes what :class:`hw.array.systolic_array.SystolicArray` takes, in the same cycles, and spends registers on nothing
    but weights, products and sums: a quarter of it in size, and a path of ``rows`` adders.

    Latency: ``sums`` is valid ``latency`` cycles after the operand word. Throughput: one operand word a cycle, one tile
    in ``cols`` cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows`` and ``cols``.

    Members
    -------
    operands : In(ArrayLayout(signed(9), rows))
        A word of A, bytes extended to 9 bits.
    weights : In(ArrayLayout(signed(8), rows))
        A word of B; columns ``cols - 1 .. 0`` of a tile in consecutive cycles.
    swap : In(1)
        ``weights`` is column 0: operand words from ``OPERAND_LAG`` cycles later on meet this tile.
    sums : Out(ArrayLayout(signed(n), cols))
        Sums over the rows, exact.
    """

    OPERAND_LAG = SystolicArray.OPERAND_LAG
    """Cycles from ``swap`` to the first operand word of its tile: the entering and the live weights' registers."""

    SKEW = 0
    """Cycles from the sum of a column to that of the next."""

    latency = 2
    """Cycles from an operand word to its sums."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._rows, self._cols = config.rows, config.cols
        super().__init__(
            {
                "operands": In(data.ArrayLayout(OPERAND, self._rows)),
                "weights": In(data.ArrayLayout(WEIGHT, self._rows)),
                "swap": In(1),
                "sums": Out(data.ArrayLayout(SystolicArray.sum_shape(self._rows), self._cols)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        tile = data.ArrayLayout(self.weights.shape(), self._cols)
        entering, live = Signal(tile, reset_less=True), Signal(tile, reset_less=True)
        swap = Signal()
        m.d.sync += [entering.as_value().eq(Cat(self.weights, entering)), swap.eq(self.swap)]
        with m.If(swap):
            m.d.sync += live.eq(entering)

        sums = Signal(self.sums.shape(), reset_less=True)
        m.d.comb += self.sums.eq(sums)
        for c in range(self._cols):
            products: list[Any] = []
            for first in range(0, self._rows, 2):
                pair = range(first, min(first + 2, self._rows))
                factors = [self.operands[r] for r in pair], [live[c][r] for r in pair]
                products += multiply_pair(m, platform, f"{first}_{c}", *factors)
            m.d.sync += sums[c].eq(sum(products[1:], products[0]))
        return m
