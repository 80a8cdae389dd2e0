"""The protocol as the FPGA speaks it, in Python: bytes in, bytes out."""

import zlib

from host.link.frames import FrameDecoder, encode_frame
from spec.link import LARGEST_PAYLOAD, REMEMBERED, VERSION, WRITES, Command, Status

MEMORY_BYTES = 4096
"""Bytes of memory, where nothing else is said; the bus answers an error above."""

BAD_REGISTER = 0xFF0
"""Register whose bus answers an error."""


class FpgaModel:
    """Memory, registers, and the protocol around them; ``executed`` are the frames done, each once."""

    def __init__(self, bus_bytes: int, memory_bytes: int = MEMORY_BYTES) -> None:
        self.bus_bytes = bus_bytes
        self.memory = bytearray(memory_bytes)
        self.registers: dict[int, int] = {}
        self.expected = self.remembered = 0
        self.executed: list[bytes] = []
        self._decoder = FrameDecoder()

    def read_register(self, offset: int) -> int:
        """Return what is read at ``offset``."""
        return self.registers.get(offset, 0)

    def write_register(self, offset: int, value: int) -> None:
        """Write at ``offset``."""
        self.registers[offset] = value

    def feed(self, data: bytes) -> bytes:
        """Return what is answered to ``data``."""
        return b"".join(self.answer(frame) for frame in self._decoder.feed(data))

    @staticmethod
    def accepts(frame: bytes) -> bool:
        """Return whether a frame without SLIP is a request at all."""
        if len(frame) < 12 or zlib.crc32(frame[:-4]) != int.from_bytes(frame[-4:], "little"):
            return False
        command, length, carried = frame[0], int.from_bytes(frame[6:8], "little"), len(frame) - 12
        if command > max(Command):
            return True
        return carried == length or length > LARGEST_PAYLOAD if command in WRITES else carried == 0

    def answer(self, frame: bytes) -> bytes:
        """Return the answer to a frame without SLIP, in SLIP; nothing if it is dropped."""
        if not self.accepts(frame):
            return b""
        command, sequence, payload = frame[0], frame[1], frame[8:-4]
        address, length = int.from_bytes(frame[2:6], "little"), int.from_bytes(frame[6:8], "little")
        if command == Command.HELLO:
            self.expected, self.remembered = (sequence + 1) % 256, 0
            return encode_frame(
                bytes([Status.OK, sequence, VERSION, LARGEST_PAYLOAD & 0xFF, LARGEST_PAYLOAD >> 8]),
            )
        distance = (self.expected - sequence) % 256
        if distance > self.remembered:
            return encode_frame(bytes([Status.OUT_OF_ORDER, self.expected]))
        if self._refuses(command, address, length):
            return encode_frame(bytes([Status.REFUSED, sequence]))
        status, data = Status.OK, b""
        if distance == 0 or command not in WRITES:
            status, data = self._access(command, address, length, payload)
            if distance == 0 and status == Status.OK:
                self.executed.append(frame)
                self.expected, self.remembered = (sequence + 1) % 256, min(self.remembered + 1, REMEMBERED)
        return encode_frame(bytes([status, sequence]) + data)

    def _refuses(self, command: int, address: int, length: int) -> bool:
        if command in (Command.READ_REGISTER, Command.WRITE_REGISTER):
            return length != 4 or address % 4 != 0 or address >= 4096
        if command not in (Command.READ_MEMORY, Command.WRITE_MEMORY):
            return True
        return not 1 <= length <= 256 or address % self.bus_bytes != 0 or length % self.bus_bytes != 0

    def _access(self, command: int, address: int, length: int, payload: bytes) -> tuple[Status, bytes]:
        if command in (Command.READ_REGISTER, Command.WRITE_REGISTER):
            if address == BAD_REGISTER:
                return Status.BUS_ERROR, b""
            if command == Command.WRITE_REGISTER:
                self.write_register(address, int.from_bytes(payload, "little"))
                return Status.OK, b""
            return Status.OK, self.read_register(address).to_bytes(4, "little")
        end = address + length
        if command == Command.WRITE_MEMORY:
            written = payload[: max(0, len(self.memory) - address)]
            self.memory[address : address + len(written)] = written
            return (Status.OK if end <= len(self.memory) else Status.BUS_ERROR), b""
        if end > len(self.memory):
            return Status.BUS_ERROR, b""
        return Status.OK, bytes(self.memory[address:end])
