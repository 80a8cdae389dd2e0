"""Layouts that the blocks of the array engine pass to one another."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from hw.config import AcceleratorConfig
from hw.isa import Gemm, fields_of

__all__ = ["RowToken", "Tile", "word_layout"]

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

``a_addr`` is the word of row 0; ``clear``: its sums start the accumulators; ``release``: they complete the bank; ``done``:
they complete the GEMM.
"""

RowToken = data.StructLayout({"valid": 1, "first": 1, "clear": 1, "release": 1, "done": 1})
"""What goes with one row of A to the accumulators.

``first`` row of a tile; ``clear`` as in :data:`Tile`; ``release`` and ``done`` only with the last row of theirs. All are low
without ``valid``.
"""


def word_layout(config: AcceleratorConfig) -> data.ArrayLayout:
    """Return the layout of ``rows`` bytes, side by side along K."""
    return data.ArrayLayout(unsigned(8), config.rows)
