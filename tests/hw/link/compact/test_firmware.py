"""The link's program against the model of the protocol: 10,000 disturbed frames."""

import random
import zlib
from collections import deque

from hw.link.compact.byte_code import Action, Source
from hw.link.compact.firmware import link_code
from spec.link import Command
from tests.hw.link.compact.interpreter import Interpreter
from tests.hw.link.disturbance import disturb
from tests.hw.link.fpga_model import BAD_REGISTER, MEMORY_BYTES, FpgaModel
from tests.hw.link.test_byte_link import random_request

FRAMES = 10_000
_CRC_BYTE = [zlib.crc32(bytes([n])) ^ zlib.crc32(b"\0") for n in range(256)]  # linear, but for what inversion adds


class _StarvedError(Exception):
    """There is no received byte."""


class Link:
    """The program with everything around it."""

    def __init__(self) -> None:
        self.machine = Interpreter(link_code(), self._operand, self._act)
        self.memory, self.registers = bytearray(MEMORY_BYTES), dict[int, int]()
        self.received: deque[int] = deque()
        self.sent = bytearray()
        self._crc = 0
        self._chain = bytearray(8)
        self._answer, self._error = bytes(4), False

    def feed(self, line: bytes) -> bytes:
        """Return what is answered to ``line``."""
        self.received.extend(line)
        self.sent.clear()
        try:
            while True:
                self.machine.step()
        except _StarvedError:
            self.machine.place -= 1
            return bytes(self.sent)

    def _operand(self, source: Source, index: int) -> int:
        match source:
            case Source.READ:
                return self._answer[index % 4]
            case Source.RECEIVED:
                if not self.received:
                    raise _StarvedError
                return self.received[0]
            case Source.CRC:
                return self._crc & 0xFF
            case Source.INDEX:
                return index
        return int(self._error)

    def _act(self, action: Action, a: int) -> None:
        match action:
            case Action.NEXT:
                self.received.popleft()
            case Action.SEND:
                self.sent.append(a)
            case Action.CRC_BEGIN:
                self._crc = 0xFFFF_FFFF
            case Action.CRC_TAKE:
                self._crc = self._crc >> 8 ^ _CRC_BYTE[(self._crc ^ a) & 0xFF]
            case Action.SHIFT:
                self._chain = self._chain[1:] + bytes([a])
            case Action.ACCESS:
                self._access(Command(a))

    def _access(self, command: Command) -> None:
        addr, data = int.from_bytes(self._chain[4:], "little"), bytes(self._chain[:4])
        if command in (Command.READ_REGISTER, Command.WRITE_REGISTER):
            self._error = addr == BAD_REGISTER
            self._answer = self.registers.get(addr, 0).to_bytes(4, "little")
            if command == Command.WRITE_REGISTER and not self._error:
                self.registers[addr] = int.from_bytes(data, "little")
            return
        self._error = addr >= MEMORY_BYTES
        self._answer = bytes(self.memory[addr : addr + 4]).ljust(4, b"\0")
        if command == Command.WRITE_MEMORY and not self._error:
            self.memory[addr : addr + 4] = data


def test_ten_thousand_disturbed_frames_are_answered_as_the_model_does() -> None:
    rng = random.Random(50)
    link, model = Link(), FpgaModel(4)
    for number in range(FRAMES):
        # The model's place keeps the random walk in turn.
        sequence = (model.expected + rng.choice((0, 0, 0, 0, 0, -1, -2, 1, 100))) % 256
        request = random_request(rng, sequence, 4, 16)
        arrived = disturb(request, rng) if rng.random() < 0.7 else request
        assert link.feed(arrived) == model.feed(arrived), f"frame {number}"
    assert link.memory == model.memory
    assert link.registers == model.registers
    assert 1000 < len(model.executed) < 9000
