"""The link against the model of the protocol: the same answers, memory and registers, whatever the bytes."""

import random
from typing import Any

import pytest
from amaranth.hdl import Cat

from hw.link.byte_link import ByteLink
from hw.link.executor import Executor
from hw.link.protocol import Command
from hw.link.responder import Responder
from sw.link.frames import encode_frame, encode_request
from tests.hw.link.chip import Chip
from tests.hw.link.disturbance import disturb
from tests.hw.link.fpga_model import BAD_REGISTER, MEMORY_BYTES, FpgaModel
from tests.hw.link.streams import simulate, source, take
from tests.hw.refusal import assert_refused


def run(line: bytes, bus_bytes: int, seed: int, stall: float) -> tuple[Chip, FpgaModel]:
    """Feed ``line`` to link and model; assert that they answer the same and have the same memory and registers."""
    rng = random.Random(seed)
    model = FpgaModel(bus_bytes)
    start = rng.randbytes(MEMORY_BYTES)
    model.memory[:] = start
    answers = model.feed(line)
    dut = ByteLink(bus_bytes)
    chip = Chip(dut, bus_bytes, rng, stall)
    chip.memory[:] = start

    async def bench(ctx: Any) -> None:
        taken = bytes(await take(ctx, dut.o, len(answers), rng, stall))
        assert taken == answers, f"seed {seed}"
        for _ in range(1000):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            assert not valid

    simulate(dut, bench, source(dut.i, line, random.Random(seed), stall), chip.serve)
    assert chip.memory == model.memory
    assert chip.registers == model.registers
    return chip, model


def random_request(rng: random.Random, sequence: int, bus_bytes: int, most: int) -> bytes:
    """A request in SLIP, mostly one that is accepted."""
    command = rng.choice(list(Command)[1:])
    if command in (Command.READ_REGISTER, Command.WRITE_REGISTER):
        address, length = rng.choice((0, 4, 0x80, 0xFFC, BAD_REGISTER, 2, 0x1000)), rng.choice((4, 4, 4, 4, 8, 0))
    else:
        length = bus_bytes * rng.randint(0, most // bus_bytes)
        address = bus_bytes * rng.randrange((MEMORY_BYTES + 64) // bus_bytes)
        if rng.random() < 0.1:
            address, length = rng.choice(((address + 1, length), (address, length + 1), (address, 256 + bus_bytes)))
    payload = rng.randbytes(length) if command in (Command.WRITE_MEMORY, Command.WRITE_REGISTER) else b""
    return encode_request(command, sequence, address, length, payload)


@pytest.mark.parametrize("bus_bytes", [2, 4, 8, 16])
def test_matches_the_model(bus_bytes: int) -> None:
    rng = random.Random(30 + bus_bytes)
    line, sequence = b"", 250
    model = FpgaModel(bus_bytes)
    hello = encode_request(Command.HELLO, sequence)
    model.feed(hello)
    line += hello
    for _ in range(60):
        # The model's place keeps the random walk in turn.
        chosen = (model.expected + rng.choice((0, 0, 0, 0, 0, -1, -2, 1, 100))) % 256
        request = random_request(rng, chosen, bus_bytes, 48)
        model.feed(request)
        line += request
    chip, model = run(line, bus_bytes, 31, 0.2)
    assert len(model.executed) > 12
    assert len({kind for kind, _ in chip.writes}) == 2


@pytest.mark.parametrize("bus_bytes", [2, 16])
def test_largest_accesses(bus_bytes: int) -> None:
    data = random.Random(32).randbytes(256)
    line = encode_request(Command.WRITE_MEMORY, 0, 1024, 256, data) + encode_request(Command.READ_MEMORY, 1, 1024, 256)
    chip, _ = run(line, bus_bytes, 33, 0.0)
    assert chip.memory[1024:1280] == data
    assert chip.writes == [("memory", address) for address in range(1024, 1280, bus_bytes)]


def test_repeated_write_is_acknowledged_and_not_done_again() -> None:
    first = encode_request(Command.WRITE_REGISTER, 0, 8, 4, b"\x01\0\0\0")
    second = encode_request(Command.WRITE_REGISTER, 1, 8, 4, b"\x02\0\0\0")
    chip, _ = run(first + second + first + second + first, 4, 34, 0.0)
    assert chip.registers == {8: 2}
    assert len(chip.writes) == 2


def test_remembers_64_writes_and_none_before_hello() -> None:
    line = b"".join(encode_request(Command.WRITE_REGISTER, n, 8, 4, bytes(4)) for n in range(2))
    line += encode_request(Command.HELLO, 99)
    write = [encode_request(Command.WRITE_REGISTER, (100 + n) % 256, 8, 4, n.to_bytes(4, "little")) for n in range(70)]
    line += encode_request(Command.WRITE_REGISTER, 98, 8, 4, bytes(4))
    line += b"".join(write) + write[5] + write[6] + write[69]
    chip, _ = run(line, 4, 35, 0.0)
    assert len(chip.writes) == 2 + 70


def test_failed_request_keeps_its_turn() -> None:
    line = encode_request(Command.WRITE_MEMORY, 0, MEMORY_BYTES - 4, 8, b"abcdefgh")
    line += encode_request(Command.WRITE_REGISTER, 1, 8, 4, bytes(4))
    line += encode_request(Command.WRITE_REGISTER, 0, BAD_REGISTER, 4, bytes(4))
    line += encode_request(Command.READ_REGISTER, 0, BAD_REGISTER, 4)
    line += encode_request(Command.READ_MEMORY, 0, 0xFFFF_FFFC, 8)
    line += encode_request(Command.WRITE_REGISTER, 0, 8, 4, b"\x05\0\0\0")
    chip, model = run(line, 4, 36, 0.3)
    assert chip.registers == {8: 5}
    assert len(model.executed) == 1


def test_disturbed_frames_alter_nothing_and_hello_is_answered_afterwards() -> None:
    rng = random.Random(37)
    line, model = b"", FpgaModel(4)
    for _ in range(300):
        request = random_request(rng, model.expected, 4, 16)
        arrived = disturb(request, rng) if rng.random() < 0.7 else request
        model.feed(arrived)
        line += arrived
    _, model = run(line + encode_request(Command.HELLO, 77), 4, 38, 0.0)
    assert len(model.executed) > 50
    assert model.expected == 78


def test_noise_alters_nothing_and_hello_is_answered_afterwards() -> None:
    chip, _ = run(random.Random(39).randbytes(3000) + encode_request(Command.HELLO, 3), 4, 40, 0.0)
    assert not chip.writes


def test_nothing_is_done_before_the_frame_has_ended() -> None:
    dut = ByteLink(4)
    line = encode_request(Command.WRITE_MEMORY, 0, 0, 64, bytes(64))[:-1]

    async def bench(ctx: Any) -> None:
        for _ in range(1000):
            _, _, access = await ctx.tick().sample(
                Cat(dut.axi_write.awvalid, dut.axi_write.wvalid, dut.axil.awvalid, dut.o.valid)
            )
            assert not access

    simulate(dut, bench, source(dut.i, line, random.Random(41), 0.0))


def test_fifo_holds_512_bytes_while_an_answer_waits() -> None:
    dut = ByteLink(4)
    line = encode_request(Command.HELLO, 0) + bytes(1000)
    count = 0

    async def bench(ctx: Any) -> None:
        nonlocal count
        ctx.set(dut.i.valid, 1)
        for _ in range(2000):
            ctx.set(dut.i.payload, line[count])
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            count += ready

    simulate(dut, bench)
    assert count >= 512 + len(encode_request(Command.HELLO, 0))


def test_unknown_command_is_refused() -> None:
    run(encode_frame(bytes([5, 0]) + bytes(4) + b"\x04\0"), 4, 42, 0.0)


@pytest.mark.parametrize("component", [Executor, Responder, ByteLink])
def test_refuses_other_bus_widths(component: Any) -> None:
    assert_refused(r"^bus_bytes must be 2, 4, 8 or 16, not 32$", component, 32)
