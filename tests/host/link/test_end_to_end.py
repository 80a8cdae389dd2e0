"""The client against the gateware, simulated."""

import random
from typing import Any

import pytest

from host.link.client import LinkClient
from hw.link.byte_link import ByteLink
from hw.link.host_link import HostLink
from spec.device import DeviceError
from tests.host.link.ports import DIVISOR, SimulatedPort, serial_line
from tests.hw.link.chip import Chip
from tests.hw.link.disturbance import disturb
from tests.hw.link.fpga_model import BAD_REGISTER
from tests.hw.refusal import assert_refused
from tests.long import long_but


async def byte_line(ctx: Any, port: Any, dut: ByteLink) -> None:
    """Carry a byte per cycle each way; what the FIFO does not take is lost, as on a UART."""
    ctx.set(dut.o.ready, 1)
    while True:
        ctx.set(dut.i.valid, bool(port.to_fpga))
        if port.to_fpga:
            ctx.set(dut.i.payload, port.to_fpga.pop(0))
        port.cycles += 1
        _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
        if valid:
            port.from_fpga.append(payload)


def connect(bus_bytes: int, stall: float = 0.2) -> tuple[SimulatedPort, Chip]:
    dut = ByteLink(bus_bytes)
    chip = Chip(dut, bus_bytes, random.Random(1), stall)
    return SimulatedPort(dut, lambda ctx, port: byte_line(ctx, port, dut), 3000, chip.serve), chip


@pytest.mark.parametrize("bus_bytes", [2, 16])
def test_reads_and_writes(bus_bytes: int) -> None:
    port, chip = connect(bus_bytes)
    client = LinkClient(port, bus_bytes=bus_bytes)
    data = random.Random(2).randbytes(768)
    assert client.hello() == (1, 256)
    client.write_memory(64, data)
    assert chip.memory[64 : 64 + len(data)] == data
    assert client.read_memory(64, len(data)) == data
    client.write_register(0x10, 0xC0DB_DCDD)
    assert chip.registers == {0x10: 0xC0DB_DCDD}
    assert client.read_register(0x10) == 0xC0DB_DCDD
    with pytest.raises(DeviceError):
        client.read_register(BAD_REGISTER)
    assert client.read_register(0x10) == 0xC0DB_DCDD


@pytest.mark.parametrize("accesses", long_but([3], [3, 6]))
def test_disturbed_line_loses_and_alters_nothing(accesses: int) -> None:
    rng = random.Random(3)
    port, chip = connect(4, 0.0)

    class Disturbed:
        def write(self, data: bytes) -> None:
            port.write(disturb(data, rng) if rng.random() < 0.25 else data)

        def read(self, size: int = 1) -> bytes:
            data = port.read(size)
            return disturb(data, rng) if data and rng.random() < 0.005 else data

    client = LinkClient(Disturbed(), bus_bytes=4, tries=50)
    for value in range(accesses):
        data = rng.randbytes(4 * rng.randrange(60))
        client.write_memory(4 * value, data)
        assert chip.memory[4 * value : 4 * value + len(data)] == data
        client.write_register(0, value)
        assert client.read_register(0) == value
        assert client.read_memory(4 * value, len(data)) == data
    assert [kind for kind, _ in chip.writes].count("register") == accesses, "each write once"


@pytest.mark.parametrize("compact", [False, True])
def test_over_the_pins(compact: bool) -> None:
    dut = HostLink(clock_hz=12e6, baud=12e6 / DIVISOR, bus_bytes=4, compact=compact)
    chip = Chip(dut, 4, random.Random(4))
    port = SimulatedPort(dut, lambda ctx, port: serial_line(ctx, port, dut), 3000, chip.serve)
    client = LinkClient(port, bus_bytes=4)
    client.write_memory(8, b"SystoLM!")
    assert chip.memory[8:16] == b"SystoLM!"
    assert client.read_memory(0, 32) == bytes(8) + b"SystoLM!" + bytes(16)
    client.write_register(4, 0x8000_0001)
    assert client.read_register(4) == 0x8000_0001


def test_host_link_refuses_bad_parameters() -> None:
    assert_refused("^baud must be ", HostLink, clock_hz=12e6, baud=4e6, bus_bytes=4)
    assert_refused("^bus_bytes must be ", HostLink, clock_hz=12e6, baud=1e6, bus_bytes=3)
