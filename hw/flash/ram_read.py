"""Between the flash's controller and a RAM whose reads go through it."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AXI_ADDRESS_BITS
from hw.flash.pins import WIRES

__all__ = ["NIBBLES", "RamRead"]

NIBBLES = 8
"""Nibbles of a beat."""


class RamRead(wiring.Signature):
    """Bursts of reads, seen from the controller; nibbles come in the order of the flash, a byte's high one first.

    ``start`` begins a burst at byte address ``addr``; not while ``busy``. From the next cycle on, while ``reading``,
    ``mapped`` tells whether the burst is in the RAM, and ``nibble`` is number ``place`` of the present beat unless
    ``wait``; ``take`` goes on to the next place. With nothing connected there is no RAM.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "addr": Out(AXI_ADDRESS_BITS),
                "start": Out(1),
                "reading": Out(1),
                "place": Out(range(NIBBLES)),
                "take": Out(1),
                "busy": In(1),
                "mapped": In(1),
                "wait": In(1),
                "nibble": In(WIRES),
            }
        )
