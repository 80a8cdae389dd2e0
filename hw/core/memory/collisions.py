"""What synthesis may assume about memories."""

__all__ = ["NO_COLLISIONS", "TWO_CLOCKS"]

NO_COLLISIONS = {"no_rw_check": 1}
"""Attributes of a memory of which no word is ever read in the very cycle that writes it.

Block RAMs with one read and one write port leave that word undefined. Unless told that it does not matter, Yosys puts
a comparator and a second data path around each of them. The attribute tells it so in Verilog; in RTLIL it takes the
parameter COLLISION_X_MASK of the read port, as :mod:`gen.flow.ecp5` sets it.
"""

TWO_CLOCKS = {"two_clocks": 1}
"""Attributes of a memory that is written and read with different clocks, of which Yosys wants no such promise."""
