"""The protocol between host and FPGA over a serial line: the one source of its numbers for both sides.

A frame travels in SLIP (RFC 1055) with END before and after it; empty frames are ignored. Numbers are little endian.

- Request: command u8, sequence u8, address u32, length u16 in bytes, payload (writes only), CRC-32.
- Answer: status u8, sequence u8, payload (reads and HELLO only, and only if OK), CRC-32.

The CRC is Ethernet's and zlib's, over everything before it. A request whose CRC is wrong or whose payload is not of the
stated length is dropped without an answer; nothing is done before the CRC of the whole request is known to be right.

The FPGA expects sequence numbers in turn, modulo 256. The number goes on with every request answered OK, and only then:
whatever follows a refused or failed request in the same window is OUT_OF_ORDER. One of the last :data:`REMEMBERED`
numbers executed since HELLO is a repetition: a read is done again, a write is acknowledged and not done again. An
OUT_OF_ORDER answer carries the number that is expected. HELLO is always accepted: the number after its own is the next.

A repeated read sees what has been written since, so a window holds only reads or only writes.
"""

from enum import IntEnum

__all__ = [
    "BAUD",
    "CRC_BYTES",
    "FIFO_BYTES",
    "HEADER_FIELDS",
    "HELLO_FIELDS",
    "LARGEST_PAYLOAD",
    "REGISTER_BYTES",
    "REMEMBERED",
    "SEQUENCES",
    "VERSION",
    "WRITES",
    "Command",
    "Slip",
    "Status",
]

VERSION = 1
"""Version of the protocol, as HELLO answers it."""

BAUD = 3_000_000
"""Bits in a second of the serial line, where nothing else is said: the fastest of an FT231X."""

LARGEST_PAYLOAD = 256
"""Most bytes that one request reads or writes."""

FIFO_BYTES = 512
"""Bytes, as they are on the line, that the FPGA holds while it answers."""

REMEMBERED = 64
"""Executed requests whose repetition is recognized."""

SEQUENCES = 256
"""Sequence numbers; the count starts again after as many."""

REGISTER_BYTES = 4
"""Bytes of a register, the only length of a register access."""

CRC_BYTES = 4
"""Bytes of the CRC at the end of a frame."""

HEADER_FIELDS = {"command": 1, "sequence": 1, "address": 4, "length": 2}
"""Bytes of the fields before a request's payload, in order."""

HELLO_FIELDS = {"version": 1, "largest_payload": 2}
"""Bytes of the fields of the answer to HELLO, in order."""


class Slip(IntEnum):
    """Bytes with a meaning in SLIP."""

    END = 0xC0
    ESC = 0xDB
    ESC_END = 0xDC
    ESC_ESC = 0xDD


class Command(IntEnum):
    """What a request asks for."""

    HELLO = 0
    """Take this sequence number; answer version and largest payload. Address and length do not count."""

    READ_MEMORY = 1
    WRITE_MEMORY = 2
    READ_REGISTER = 3
    WRITE_REGISTER = 4


WRITES = (Command.WRITE_MEMORY, Command.WRITE_REGISTER)
"""Commands that carry a payload."""


class Status(IntEnum):
    """How a request ended."""

    OK = 0

    OUT_OF_ORDER = 1
    """Not done; the answer's sequence number is the one expected."""

    REFUSED = 2
    """Not done: the command is unknown, the length is 0 or above the largest payload, address or length is not a
    multiple of the bus width, or a register access is not one aligned word inside the register map."""

    BUS_ERROR = 3
    """Begun, but the bus answered with an error; of a write, any part before that has been written."""
