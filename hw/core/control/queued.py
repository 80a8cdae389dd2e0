"""What the dispatcher hands on."""

from amaranth.lib import data

from hw.bus.fault import INDEX_BITS
from hw.layouts import INSTRUCTION

__all__ = ["queued"]

queued = data.StructLayout({"instruction": INSTRUCTION, "index": INDEX_BITS})
"""A checked instruction and its index in the program."""
