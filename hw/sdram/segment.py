"""What is asked of the chip: part of a burst that lies in one row."""

from amaranth.lib import data
from amaranth.utils import exact_log2

from hw.sdram.pins import WORD_BYTES
from spec.axi import BURST_BEATS
from spec.sdram_chip import SdramChip

__all__ = ["segment_layout", "words_per_beat"]


def words_per_beat(chip: SdramChip, bus_bytes: int) -> int:
    """Return how many words of the chip make one beat of the bus.

    Raises
    ------
    ValueError
        The bus is no power of two from 2 to 16 bytes, or a row does not hold 16 beats.
    """
    if bus_bytes not in (2, 4, 8, 16):
        raise ValueError(f"bus_bytes must be 2, 4, 8 or 16, not {bus_bytes!r}")
    words = bus_bytes // WORD_BYTES
    if chip.columns < BURST_BEATS * words:
        raise ValueError(f"columns must be at least {BURST_BEATS * words} for this bus, not {chip.columns!r}")
    return words


def segment_layout(chip: SdramChip) -> data.StructLayout:
    """Return the layout of a segment: ``len + 1`` beats from ``column`` on.

    ``last`` tells that the burst ends with it, ``error`` that it must be answered with an error and write nothing.
    """
    return data.StructLayout(
        {
            "column": exact_log2(chip.columns),
            "bank": exact_log2(chip.banks),
            "row": exact_log2(chip.rows),
            "len": range(BURST_BEATS),
            "last": 1,
            "error": 1,
        }
    )
