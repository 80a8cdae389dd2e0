"""Frames of the link as bytes: CRC-32 and SLIP, both ways."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from spec.link import CRC_BYTES, HEADER_FIELDS, HELLO_FIELDS, Command, Slip

__all__ = ["Answer", "FrameDecoder", "decode_answer", "decode_hello", "encode_frame", "encode_request"]

_FORMATS = {1: "B", 2: "H", 4: "I"}
_HEADER = struct.Struct("<" + "".join(_FORMATS[n_bytes] for n_bytes in HEADER_FIELDS.values()))
_HELLO = struct.Struct("<" + "".join(_FORMATS[n_bytes] for n_bytes in HELLO_FIELDS.values()))
_ANSWER_BYTES = 2
_END, _ESC = bytes([Slip.END]), bytes([Slip.ESC])
_ESCAPED_END, _ESCAPED_ESC = bytes([Slip.ESC, Slip.ESC_END]), bytes([Slip.ESC, Slip.ESC_ESC])
_UNESCAPED: dict[int, int] = {Slip.ESC_END: Slip.END, Slip.ESC_ESC: Slip.ESC}


class Answer(NamedTuple):
    """What the FPGA answers."""

    status: int
    sequence: int
    payload: bytes


def encode_frame(content: bytes) -> bytes:
    """Return ``content`` and its CRC-32 in SLIP."""
    frame = content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")
    return _END + frame.replace(_ESC, _ESCAPED_ESC).replace(_END, _ESCAPED_END) + _END


def encode_request(command: Command, sequence: int, address: int = 0, length: int = 0, payload: bytes = b"") -> bytes:
    """Return a request as it goes over the line."""
    return encode_frame(_HEADER.pack(command, sequence, address, length) + payload)


def decode_answer(frame: bytes) -> Answer | None:
    """Return the answer in a frame without SLIP, or None if the frame is damaged."""
    content, crc = frame[:-CRC_BYTES], frame[-CRC_BYTES:]
    if len(content) < _ANSWER_BYTES or zlib.crc32(content) != int.from_bytes(crc, "little"):
        return None
    return Answer(content[0], content[1], content[_ANSWER_BYTES:])


def decode_hello(payload: bytes) -> tuple[int, int] | None:
    """Return version and largest payload from the answer to HELLO, or None if it is none."""
    if len(payload) != _HELLO.size:
        return None
    version, largest_payload = _HELLO.unpack(payload)
    return version, largest_payload


class FrameDecoder:
    """A decoder of SLIP, byte by byte.

    Empty frames are left out; a byte behind ESC that SLIP does not know stays as it is.
    """

    def __init__(self) -> None:
        self._frame = bytearray()
        self._escaped = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they arrive; yield each frame that they end."""
        for byte in data:
            if byte == Slip.END:
                frame, self._frame, self._escaped = bytes(self._frame), bytearray(), False
                if frame:
                    yield frame
            elif self._escaped:
                self._frame.append(_UNESCAPED.get(byte, byte))
                self._escaped = False
            elif byte == Slip.ESC:
                self._escaped = True
            else:
                self._frame.append(byte)
