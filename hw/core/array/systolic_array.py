"""The weight-stationary array of multiply-accumulators."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.array.multiplier import PRODUCT, Multiplier
from spec.config import AcceleratorConfig

__all__ = ["SystolicArray"]

OPERAND = signed(9)
WEIGHT = signed(8)


class SystolicArray(wiring.Component):
    """An array that multiplies words of the streaming operand with the stationary tile: rows along K, columns along N.

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
    """Cycles from ``swap`` to the first operand word of its tile: a stage, and the live weight's register."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._rows, self._cols = config.rows, config.cols
        self._dsp_multipliers = config.dsp_multipliers
        super().__init__(
            {
                "operands": In(data.ArrayLayout(OPERAND, self._rows)),
                "weights": In(data.ArrayLayout(WEIGHT, self._rows)),
                "swap": In(1),
                "sums": Out(data.ArrayLayout(self.sum_shape(self._rows), self._cols)),
            }
        )

    @staticmethod
    def sum_shape(terms: int) -> Any:
        """Return the shape that holds any sum of ``terms`` products."""
        return signed(PRODUCT.width + (terms - 1).bit_length())

    @property
    def latency(self) -> int:
        """Cycles from an operand word to the sum of column 0: skew, product and sum register."""
        return self._rows + Multiplier.LATENCY

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        blocks = Multiplier(platform, dsp=True)
        logic = Multiplier(platform, dsp=False)

        above: list[Any] = [0] * self._cols
        for r in range(self._rows):
            # Stage s holds what came s cycles ago.
            last = r + self._cols - 1 + Multiplier.LATENCY - min(blocks.latency, logic.latency)
            tokens = _delayed(m, f"tokens_{r}", self.swap, last + 1, reset_less=False)
            operands = _delayed(m, f"operands_{r}", self.operands[r], last)
            weights = _delayed(m, f"weights_{r}", self.weights[r], last + self._cols)
            for c in range(self._cols):
                multiplier = blocks if r * self._cols + c < self._dsp_multipliers else logic
                late = Multiplier.LATENCY - multiplier.latency
                live = Signal(WEIGHT, name=f"live_{r}_{c}", reset_less=True)
                with m.If(tokens[r + c + late + 1]):
                    m.d.sync += live.eq(weights[r + 2 * c + late + 1])
                product = multiplier.multiply(m, f"{r}_{c}", operands[r + c + late], live)
                total = Signal(self.sum_shape(r + 1), name=f"sum_{r}_{c}", reset_less=True)
                m.d.sync += total.eq(above[c] + product)
                above[c] = total

        m.d.comb += self.sums.eq(Cat(above))
        return m


def _delayed(m: Module, name: str, value: Any, stages: int, *, reset_less: bool = True) -> list[Any]:
    """Return ``value`` as it is and as it was in the cycles before, up to ``stages`` of them."""
    line = Signal(data.ArrayLayout(Value.cast(value).shape(), stages), name=name, reset_less=reset_less)
    m.d.sync += line.as_value().eq(Cat(value, line))
    return [value, *line]
