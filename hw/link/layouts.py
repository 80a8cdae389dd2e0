"""What travels between the blocks of the link."""

from typing import Any

from amaranth.hdl import unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from spec.link import HEADER_FIELDS, LARGEST_PAYLOAD

__all__ = ["BYTE", "CrcPort", "PayloadRead", "PayloadWrite", "answer", "frame_byte", "header"]

BYTE = unsigned(8)
"""Shape of a byte."""

frame_byte = data.StructLayout({"data": BYTE, "end": 1})
"""A byte of a frame or, with ``end``, the mark behind its last one."""

header = data.StructLayout({name: unsigned(8 * n_bytes) for name, n_bytes in HEADER_FIELDS.items()})
"""A request without payload and CRC, its first byte lowest."""

answer = data.StructLayout({"status": BYTE, "sequence": BYTE, "length": range(LARGEST_PAYLOAD + 1), "hello": 1})
"""What is to be answered; ``hello`` puts version and largest payload in the place of the payload memory."""


class CrcPort(wiring.Signature):
    """Access to a CRC of bytes, seen from its user.

    Members
    -------
    start : Out(1)
        Begin anew.
    data : Out(8)
    valid : Out(1)
        Take ``data``.
    crc : In(32)
        CRC of all bytes taken before this cycle.
    match : In(1)
        The last four of them are the CRC of those before.
    """

    def __init__(self) -> None:
        members: dict[str, Any] = {"start": Out(1), "data": Out(8), "valid": Out(1), "crc": In(32), "match": In(1)}
        super().__init__(members)


class PayloadRead(wiring.Signature):
    """Read port of the payload memory, seen from its user: ``data`` is the byte at last cycle's ``addr``."""

    def __init__(self) -> None:
        super().__init__({"addr": Out(range(LARGEST_PAYLOAD)), "data": In(8)})


class PayloadWrite(wiring.Signature):
    """Write port of the payload memory, seen from its user."""

    def __init__(self) -> None:
        super().__init__({"addr": Out(range(LARGEST_PAYLOAD)), "data": Out(8), "en": Out(1)})
