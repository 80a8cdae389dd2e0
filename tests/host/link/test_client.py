"""The host's end of the link, against the model: windows, repetition, and how it fails."""

import random
from typing import Any

import pytest

from host.link.client import LinkClient
from host.link.frames import FrameDecoder, encode_frame
from spec.device import DeviceError
from spec.link import FIFO_BYTES, Command, Status
from tests.host.link.ports import ModelPort, ScriptedPort
from tests.hw.link.fpga_model import BAD_REGISTER, MEMORY_BYTES, FpgaModel


def connect(disturbed: float = 0.0, seed: int = 0, **options: Any) -> tuple[LinkClient, FpgaModel, ModelPort]:
    model = FpgaModel(4)
    port = ModelPort(model, seed, disturbed)
    return LinkClient(port, bus_bytes=4, **options), model, port


def test_reads_and_writes_memory_and_registers() -> None:
    client, model, _ = connect()
    data = random.Random(1).randbytes(MEMORY_BYTES)
    client.write_memory(0, data)
    assert model.memory == data
    assert client.read_memory(0, MEMORY_BYTES) == data
    assert client.read_memory(260, 516) == data[260:776]
    client.write_register(0x10, 0xDEADBEEF)
    assert model.registers == {0x10: 0xDEADBEEF}
    assert client.read_register(0x10) == 0xDEADBEEF
    assert client.hello() == (1, 256)
    assert client.read_memory(0, 0) == b""


def test_several_registers_are_accessed_together_and_in_order() -> None:
    port = SlowPort(FpgaModel(4))
    client = LinkClient(port, bus_bytes=4)
    client.write_registers({0x14: 2, 0x10: 1, 0x18: 3})
    assert list(port.model.registers.items()) == [(0x14, 2), (0x10, 1), (0x18, 3)]
    assert port.most_requests == 3
    port.most_requests = 0
    assert client.read_registers([0x10, 0x18, 0x14, 0x10]) == [1, 3, 2, 1]
    assert port.most_requests == 4
    with pytest.raises(ValueError, match=r"^value must be an unsigned 32-bit number, not 4294967296$"):
        client.write_registers({0x10: 7, 0x14: 1 << 32})
    assert port.model.registers[0x10] == 1


def test_sequence_numbers_wrap() -> None:
    client, model, port = connect()
    for value in range(600):
        client.write_register(0, value)
    assert model.registers == {0: 599}
    assert len(port.sent) == 601
    big = LinkClient(port, bus_bytes=4)
    for _ in range(40):
        assert big.read_memory(0, MEMORY_BYTES) == model.memory


@pytest.mark.parametrize("seed", range(20))
def test_disturbed_line_loses_and_alters_nothing(seed: int) -> None:
    client, model, port = connect(0.3, seed, tries=100)
    rng = random.Random(seed)
    reference = bytearray(MEMORY_BYTES)
    for value in range(12):
        start = 4 * rng.randrange(MEMORY_BYTES // 8)
        data = rng.randbytes(4 * rng.randrange(512))
        client.write_memory(start, data)
        reference[start : start + len(data)] = data
        assert model.memory == reference
        client.write_register(4, value)
        assert client.read_register(4) == value
        start = 4 * rng.randrange(MEMORY_BYTES // 8)
        assert client.read_memory(start, 1024) == reference[start : start + 1024]
    assert len(port.sent) > len(model.executed)
    written = [frame for frame in model.executed if frame[0] == Command.WRITE_REGISTER]
    assert len(written) == 12, "each write once"


class SlowPort(ModelPort):
    """The FPGA answers only when the host waits; ``most`` is the longest that requests have been together."""

    def __init__(self, model: FpgaModel) -> None:
        super().__init__(model, 0)
        self.pending: list[bytes] = []
        self.most_bytes = self.most_requests = 0

    def write(self, data: bytes) -> None:
        self.pending.append(data)
        if len(self.pending) > 1:
            self.most_bytes = max(self.most_bytes, sum(map(len, self.pending)))
        self.most_requests = max(self.most_requests, len(self.pending))

    def read(self, size: int = 1) -> bytes:
        if not self.unread and self.pending:
            self.unread = self.model.feed(self.pending.pop(0))
        return super().read(size)


@pytest.mark.parametrize("window", [1, 3, 8, 64])
def test_window_is_filled_and_its_reads_never_longer_than_the_fifo(window: int) -> None:
    port = SlowPort(FpgaModel(4))
    client = LinkClient(port, bus_bytes=4, window=window)
    client.write_memory(0, b"\xc0" * 700 + bytes(2600))
    assert port.most_requests == min(window, -(-3300 // 256))
    port.most_requests = port.most_bytes = 0
    client.read_memory(0, MEMORY_BYTES)
    assert port.most_requests == min(window, MEMORY_BYTES // 256)
    assert port.most_bytes <= FIFO_BYTES


def test_only_one_repetition_after_a_loss() -> None:
    client, model, _ = connect()
    client.hello()

    class LossyPort(SlowPort):
        lost = False

        def write(self, data: bytes) -> None:
            self.sent.append(data)
            if len(self.sent) == 3 and not self.lost:
                self.lost = True
            else:
                super().write(data)

    port = LossyPort(model)
    client = LinkClient(port, bus_bytes=4)
    client.read_memory(0, 8 * 256)
    assert len(port.sent) == 1 + 8 + 7


def test_silence_ends_in_one_line() -> None:
    port = ScriptedPort(lambda _data: b"")
    client = LinkClient(port, bus_bytes=4, tries=5)
    with pytest.raises(ConnectionError, match=r"^no answer from the FPGA after 5 tries; is it connected and configur"):
        client.read_register(0)
    assert port.writes == 5


def test_silence_later_ends_in_one_line_and_the_client_recovers() -> None:
    client, model, port = connect(tries=3)
    client.write_register(0, 1)
    feed, model.feed = model.feed, lambda _data: b""  # type: ignore[method-assign]
    with pytest.raises(ConnectionError, match=r"^no answer from the FPGA after 3 tries; is it still connected\?$"):
        client.write_register(0, 2)
    assert len(port.sent) == 2 + 3
    model.feed = feed  # type: ignore[method-assign]
    assert client.read_register(0) == 1


def test_endless_noise_ends() -> None:
    class NoisePort(ScriptedPort):
        def read(self, size: int = 1) -> bytes:
            return random.Random(size).randbytes(5000)

    with pytest.raises(ConnectionError, match=r"^no answer from the FPGA after 2 tries"):
        LinkClient(NoisePort(lambda _data: b""), bus_bytes=4, tries=2).hello()


def test_reset_of_the_fpga_is_noticed_and_writes_nothing() -> None:
    client, model, _ = connect()
    for value in range(70):
        client.write_register(0, value)
    model.expected, model.remembered = (model.expected + 128) % 256, 0
    with pytest.raises(ConnectionError, match=r"^the FPGA has lost its place among the requests; was it reset\?$"):
        client.write_register(0, 1000)
    assert model.registers == {0: 69}
    client.write_register(0, 1001)
    assert model.registers == {0: 1001}


def test_other_version_is_refused() -> None:
    def answer(data: bytes) -> bytes:
        (frame,) = FrameDecoder().feed(data)
        return encode_frame(bytes([Status.OK, frame[1], 2, 0, 1]))

    with pytest.raises(ConnectionError, match=r"^the FPGA speaks version 2 of the protocol, not 1$"):
        LinkClient(ScriptedPort(answer), bus_bytes=4).hello()


@pytest.mark.parametrize("method", ["read", "write"])
def test_unplugged_port_is_one_line(method: str) -> None:
    client, _, port = connect()
    client.hello()

    def fail(_argument: Any) -> bytes:
        raise OSError("device reports readiness to read but returned no data\n(device disconnected?)")

    setattr(port, method, fail)
    message = r"^the serial port failed, unplugged\?: device reports .* no data \(device disconnected\?\)$"
    with pytest.raises(ConnectionError, match=message):
        client.read_register(0)


def test_bus_errors_are_raised_and_the_client_goes_on() -> None:
    client, _, _ = connect()
    message = r"^READ_REGISTER of 4 bytes at 0xff0: the bus answered with an error$"
    with pytest.raises(DeviceError, match=message) as caught:
        client.read_register(BAD_REGISTER)
    assert caught.value.addr == BAD_REGISTER
    with pytest.raises(DeviceError, match=r"^WRITE_MEMORY of 256 bytes at 0x1000: "):
        client.write_memory(0, bytes(3 * MEMORY_BYTES))
    client.write_register(0, 5)
    assert client.read_register(0) == 5


def test_refusal_is_raised() -> None:
    client = LinkClient(ModelPort(FpgaModel(8), 0), bus_bytes=4)
    with pytest.raises(ValueError, match=r"^READ_MEMORY of 4 bytes at 0x0: the FPGA refused it; is its bus as wide as"):
        client.read_memory(0, 4)


def test_refuses_bad_arguments() -> None:
    client, _, port = connect()
    with pytest.raises(ValueError, match=r"^address and length must be multiples of the bus width of 4 bytes, not 2"):
        client.read_memory(2, 4)
    with pytest.raises(ValueError, match=r"^address and length must be multiples of the bus width of 4 bytes, not 0"):
        client.write_memory(0, b"abc")
    with pytest.raises(ValueError, match=r"^8 bytes from 4294967292 on leave the 32-bit address space$"):
        client.read_memory(0xFFFF_FFFC, 8)
    with pytest.raises(ValueError, match=r"^value must be an unsigned 32-bit number, not -1$"):
        client.write_register(0, -1)
    with pytest.raises(ValueError, match=r"^window must be from 1 to 64, not 65$"):
        connect(window=65)
    with pytest.raises(ValueError, match=r"^tries must be at least 1, not 0$"):
        connect(tries=0)
    with pytest.raises(ValueError, match=r"^bus_bytes must be from 1 to 256, not 0$"):
        LinkClient(port, bus_bytes=0)
    assert not port.sent
