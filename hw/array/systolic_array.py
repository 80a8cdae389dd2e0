"""The weight-stationary array of multiply-accumulators."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import AcceleratorConfig

__all__ = ["SystolicArray"]

OPERAND = signed(9)
WEIGHT = signed(8)
PRODUCT_BITS = 16
"""A byte of either signedness times an s8 lies from -32640 to 32385."""


class SystolicArray(wiring.Component):
    """Multiply words of the streaming operand with the stationary tile: rows along K, columns along N.

    Everything moves every cycle and nothing stalls. Row ``r`` is two shift registers, each with ``r`` stages of skew
    in front: its operands pass one processing element a cycle, its weights one in *two* cycles. The swap token goes
    with the operands. Weights enter one column a cycle, the highest first, the last one together with the token; so
    weight ``c`` has ``c`` cycles' start, takes ``r + 2 c`` cycles to element ``(r, c)``, and meets the token there,
    which takes ``r + c``. The next tile enters while the present one is used.

    One flat module: it simulates faster than a module for each element, and so do shift registers that are one wide
    signal each beside single signals for whatever is computed.

    Latency: ``sums[c]`` is valid ``latency + c`` cycles after the operand word. Throughput: one operand word a cycle,
    one tile in ``cols`` cycles.

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

    OPERAND_LAG = 2
    """Cycles from ``swap`` to the first operand word of its tile: the live and the multiplier's own weight register."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._rows, self._cols = config.rows, config.cols
        super().__init__(
            {
                "operands": In(data.ArrayLayout(OPERAND, self._rows)),
                "weights": In(data.ArrayLayout(WEIGHT, self._rows)),
                "swap": In(1),
                "sums": Out(data.ArrayLayout(_sum_shape(self._rows), self._cols)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from an operand word to the sum of column 0: skew, operand, product and sum register."""
        return self._rows + 2

    def elaborate(self, _platform: Any) -> Module:
        m = Module()

        tokens = Signal(self._rows + self._cols - 1)
        m.d.sync += tokens.eq(Cat(self.swap, tokens))

        above: list[Any] = [0] * self._cols
        for r in range(self._rows):
            operands = _shift_register(m, f"operands_{r}", self.operands[r], r + self._cols)
            weights = _shift_register(m, f"weights_{r}", self.weights[r], r + 2 * self._cols - 1)
            for c in range(self._cols):
                live = Signal(WEIGHT, name=f"live_{r}_{c}")
                factor = Signal(WEIGHT, name=f"factor_{r}_{c}")
                product = Signal(signed(PRODUCT_BITS), name=f"product_{r}_{c}")
                total = Signal(_sum_shape(r + 1), name=f"sum_{r}_{c}")
                with m.If(tokens[r + c]):
                    m.d.sync += live.eq(weights[r + 2 * c])
                # Multiplier blocks share clock enables, so their own operand register runs free behind the held weight.
                m.d.sync += [
                    factor.eq(live),
                    product.eq(operands[r + c] * factor),
                    total.eq(above[c] + product),
                ]
                above[c] = total

        m.d.comb += self.sums.eq(Cat(above))
        return m


def _shift_register(m: Module, name: str, value: Any, stages: int) -> Any:
    """Return the stages, the newest first, of a shift register that takes ``value`` every cycle."""
    line = Signal(data.ArrayLayout(value.shape(), stages), name=name)
    m.d.sync += line.as_value().eq(Cat(value, line))
    return line


def _sum_shape(terms: int) -> Any:
    """Shape that holds any sum of ``terms`` products."""
    return signed(PRODUCT_BITS + (terms - 1).bit_length())
