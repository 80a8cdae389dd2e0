"""Layouts and signatures that the blocks of the array engine share."""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from spec.config import AcceleratorConfig
from spec.isa import Gemm, fields_of

__all__ = ["Cause", "RowToken", "Tile", "TileRead", "word_layout"]

_WIDTHS = {name: width for name, width, _ in fields_of(Gemm)}

Tile = data.StructLayout(
    {
        **{name: unsigned(_WIDTHS[name]) for name in ("m", "a_addr", "a_stride", "a_unsigned", "b_scratchpad")},
        "clear": 1,
        "release": 1,
        "done": 1,
    }
)
"""One pass of ``m`` rows of A over one tile of B.

``a_addr`` is the word of row 0; ``clear``: its sums start the accumulators; ``release``: they complete the bank;
``done``: they complete the GEMM.
"""

RowToken = data.StructLayout({"valid": 1, "first": 1, "clear": 1, "release": 1, "done": 1})
"""What goes with one row of A to the accumulators.

``first`` row of a tile; ``clear`` as in :data:`Tile`; ``release`` and ``done`` only with the last row of theirs. All
are low without ``valid``.
"""


class Cause(enum.Enum, shape=unsigned(2)):  # type: ignore[call-arg]  # amaranth is untyped
    """Why no row of A is requested."""

    INSTRUCTION = 0
    BANK = 1
    WEIGHTS = 2
    OPERAND = 3


class TileRead(wiring.Signature):
    """How whole tiles leave a queue.

    ``stored``: a tile of ``cols`` words is there that has not been claimed; ``claim`` takes possession of it. Its words
    may then be popped at any time; ``word`` is there in the cycle after ``pop``.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__({"stored": In(1), "claim": Out(1), "pop": Out(1), "word": In(word_layout(config))})


def word_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """Return the layout of ``rows`` bytes, side by side along K."""
    return data.ArrayLayout(unsigned(8), config.rows)
