"""Signatures of the two buses, seen from the master. Members carry AXI's own names."""

from typing import Any

from amaranth.hdl import Cat
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "AXI_ADDRESS_BITS",
    "BURST_INCR",
    "RESPONSE_OKAY",
    "RESPONSE_SLVERR",
    "Axi4Read",
    "Axi4Write",
    "AxiLite",
    "payload_of",
]

AXI_ADDRESS_BITS = 32
"""Width of a byte address in memory."""

BURST_INCR = 0b01
"""AxBURST of incrementing bursts."""

RESPONSE_OKAY = 0b00
"""xRESP of a transfer that succeeded."""

RESPONSE_SLVERR = 0b10
"""xRESP of a transfer that the slave refuses."""


class Axi4Read(wiring.Signature):
    """Read channels of AXI4: a 32-bit address, one ID, no optional signals.

    Parameters
    ----------
    data_bytes : int
        Width of the data bus in bytes.
    """

    def __init__(self, data_bytes: int) -> None:
        answer = {"data": In(8 * data_bytes), "last": In(1)}
        super().__init__(_flatten({"ar": _burst(), "r": {**_response(), **answer}}))


class Axi4Write(wiring.Signature):
    """Write channels of AXI4: a 32-bit address, one ID, no optional signals.

    Parameters
    ----------
    data_bytes : int
        Width of the data bus in bytes.
    """

    def __init__(self, data_bytes: int) -> None:
        data = {"data": Out(8 * data_bytes), "strb": Out(data_bytes), "last": Out(1)}
        super().__init__(_flatten({"aw": _burst(), "w": data, "b": _response()}))


class AxiLite(wiring.Signature):
    """AXI4-Lite with 32-bit data, without protection signals.

    Parameters
    ----------
    address_bits : int
        Width of the byte address.
    """

    def __init__(self, address_bits: int) -> None:
        channels: dict[str, dict[str, object]] = {
            "aw": {"addr": Out(address_bits)},
            "w": {"data": Out(32), "strb": Out(4)},
            "b": {"resp": In(2)},
            "ar": {"addr": Out(address_bits)},
            "r": {"data": In(32), "resp": In(2)},
        }
        super().__init__(_flatten(channels))


def payload_of(bus: Any, channel: str) -> Cat:
    """Return the payload of a channel: ``"ar"``, ``"r"``, ``"aw"``, ``"w"`` or ``"b"`` of an AXI4 bus."""
    handshake = {channel + "valid", channel + "ready"}
    names = (name for name in bus.signature.members if name.startswith(channel) and name not in handshake)
    return Cat(getattr(bus, name) for name in names)


def _burst() -> dict[str, object]:
    """Return the members of an AXI4 address channel."""
    return {"id": Out(1), "addr": Out(AXI_ADDRESS_BITS), "len": Out(8), "size": Out(3), "burst": Out(2)}


def _response() -> dict[str, object]:
    """Return the members by which an AXI4 slave answers."""
    return {"id": In(1), "resp": In(2)}


def _flatten(channels: dict[str, dict[str, object]]) -> dict[str, object]:
    """Return the members of all channels under their AXI names, with each channel's handshake."""
    members: dict[str, object] = {}
    for channel, payload in channels.items():
        towards_slave = channel in ("aw", "w", "ar")
        members |= {channel + name: member for name, member in payload.items()}
        members[channel + "valid"] = Out(1) if towards_slave else In(1)
        members[channel + "ready"] = In(1) if towards_slave else Out(1)
    return members
