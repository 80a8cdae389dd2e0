"""Layout of a byte stream in pieces of equal width."""

from amaranth.hdl import unsigned
from amaranth.lib import data

__all__ = ["packet"]


def packet(n_bytes: int) -> data.StructLayout:
    """Return the layout of one piece of ``n_bytes`` bytes, the earliest byte lowest.

    ``last`` marks the end of a transfer; ``final`` is the index of the last byte that counts, ``n_bytes - 1`` unless
    ``last``.
    """
    return data.StructLayout(
        {"data": data.ArrayLayout(unsigned(8), n_bytes), "final": range(n_bytes), "last": unsigned(1)}
    )
