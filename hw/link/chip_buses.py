"""The buses through which the link reaches the chip."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from hw.bus.axi import Axi4Read, Axi4Write, AxiLite
from spec.registers import ADDRESS_BITS

__all__ = ["chip_buses", "pass_buses"]


def chip_buses(bus_bytes: int) -> dict[str, Any]:
    """Return the members ``axil``, ``axi_read`` and ``axi_write`` of a master of registers and memory.

    Parameters
    ----------
    bus_bytes : int
        Width of the memory bus in bytes.
    """
    return {
        "axil": Out(AxiLite(ADDRESS_BITS)),
        "axi_read": Out(Axi4Read(bus_bytes)),
        "axi_write": Out(Axi4Write(bus_bytes)),
    }


def pass_buses(m: Module, inner: wiring.Component, outer: wiring.Component) -> None:
    """Make the buses of ``inner``, a part of ``outer``, those of ``outer``."""
    for bus in ("axil", "axi_read", "axi_write"):
        connect(m, getattr(inner, bus), flipped(getattr(outer, bus)))
