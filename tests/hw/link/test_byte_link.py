"""Both links against the model of the protocol: the same answers, memory and registers, whatever the bytes."""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import Cat

from host.link.frames import encode_frame, encode_request
from hw.link.byte_link import ByteLink
from hw.link.compact.compact_link import CompactLink
from hw.link.executor import Executor
from hw.link.responder import Responder
from spec.link import Command
from tests.hw.link.chip import Chip
from tests.hw.link.disturbance import disturb
from tests.hw.link.fpga_model import BAD_REGISTER, MEMORY_BYTES, FpgaModel
from tests.hw.link.streams import source, take
from tests.hw.refusal import assert_refused
from tests.hw.simulation import Simulation
from tests.long import long_but


@dataclass(frozen=True)
class Kind:
    """A link; ``cycles`` are more than it takes for a byte, and ``share`` makes tests of a slow one shorter."""

    make: Callable[[], Any]
    bus_bytes: int
    cycles: int = 10
    share: float = 1.0


FAST = [pytest.param(Kind(lambda n=n: ByteLink(n), n), id=f"fast {n}") for n in (2, 4, 8, 16)]
COMPACT = pytest.param(Kind(CompactLink, 4, cycles=100, share=0.25), id="compact 4")


@functools.cache
def simulated(kind: Kind) -> tuple[Any, Simulation]:
    """Return a link of a kind and its simulation."""
    dut = kind.make()
    return dut, Simulation(dut)


both = pytest.mark.parametrize("kind", [FAST[1], COMPACT])
mostly_fast = pytest.mark.parametrize("kind", long_but([FAST[1]], [FAST[1], COMPACT]))
"""Where the compact one takes very long; tests of its program send it many frames too."""


def run(line: bytes, kind: Kind, seed: int, stall: float) -> tuple[Chip, FpgaModel]:
    """Feed ``line`` to link and model; assert that they answer the same and have the same memory and registers."""
    rng = random.Random(seed)
    model = FpgaModel(kind.bus_bytes)
    start = rng.randbytes(MEMORY_BYTES)
    model.memory[:] = start
    answers = model.feed(line)
    dut, simulation = simulated(kind)
    chip = Chip(dut, kind.bus_bytes, rng, stall)
    chip.memory[:] = start

    async def bench(ctx: Any) -> None:
        taken = bytes(await take(ctx, dut.o, len(answers), rng, stall, patience=20_000 + kind.cycles * len(line)))
        assert taken == answers, f"seed {seed}"
        for _ in range(100 * kind.cycles):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            assert not valid

    simulation.run(bench, source(dut.i, line, random.Random(seed), stall), chip.serve)
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


@pytest.mark.parametrize("kind", long_but([FAST[0], FAST[-1]], [*FAST, COMPACT]))
def test_matches_the_model(kind: Kind) -> None:
    bus_bytes = kind.bus_bytes
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
    chip, model = run(line, kind, 31, 0.2)
    assert len(model.executed) > 12
    assert len({kind for kind, _ in chip.writes}) == 2


@pytest.mark.parametrize("kind", long_but([FAST[0], FAST[-1]], [FAST[0], FAST[-1], COMPACT]))
def test_largest_accesses(kind: Kind) -> None:
    data = random.Random(32).randbytes(256)
    line = encode_request(Command.WRITE_MEMORY, 0, 1024, 256, data) + encode_request(Command.READ_MEMORY, 1, 1024, 256)
    chip, _ = run(line, kind, 33, 0.0)
    assert chip.memory[1024:1280] == data
    assert chip.writes == [("memory", address) for address in range(1024, 1280, kind.bus_bytes)]


@both
def test_repeated_write_is_acknowledged_and_not_done_again(kind: Kind) -> None:
    first = encode_request(Command.WRITE_REGISTER, 0, 8, 4, b"\x01\0\0\0")
    second = encode_request(Command.WRITE_REGISTER, 1, 8, 4, b"\x02\0\0\0")
    chip, _ = run(first + second + first + second + first, kind, 34, 0.0)
    assert chip.registers == {8: 2}
    assert len(chip.writes) == 2


@mostly_fast
def test_remembers_64_writes_and_none_before_hello(kind: Kind) -> None:
    line = b"".join(encode_request(Command.WRITE_REGISTER, n, 8, 4, bytes(4)) for n in range(2))
    line += encode_request(Command.HELLO, 99)
    write = [encode_request(Command.WRITE_REGISTER, (100 + n) % 256, 8, 4, n.to_bytes(4, "little")) for n in range(70)]
    line += encode_request(Command.WRITE_REGISTER, 98, 8, 4, bytes(4))
    line += b"".join(write) + write[5] + write[6] + write[69]
    chip, _ = run(line, kind, 35, 0.0)
    assert len(chip.writes) == 2 + 70


@both
def test_failed_request_keeps_its_turn(kind: Kind) -> None:
    line = encode_request(Command.WRITE_MEMORY, 0, MEMORY_BYTES - 4, 8, b"abcdefgh")
    line += encode_request(Command.WRITE_REGISTER, 1, 8, 4, bytes(4))
    line += encode_request(Command.WRITE_REGISTER, 0, BAD_REGISTER, 4, bytes(4))
    line += encode_request(Command.READ_REGISTER, 0, BAD_REGISTER, 4)
    line += encode_request(Command.READ_MEMORY, 0, 0xFFFF_FFFC, 8)
    line += encode_request(Command.WRITE_REGISTER, 0, 8, 4, b"\x05\0\0\0")
    chip, model = run(line, kind, 36, 0.3)
    assert chip.registers == {8: 5}
    assert len(model.executed) == 1


@mostly_fast
def test_disturbed_frames_alter_nothing_and_hello_is_answered_afterwards(kind: Kind) -> None:
    rng = random.Random(37)
    line, model = b"", FpgaModel(4)
    for _ in range(int(300 * kind.share)):
        request = random_request(rng, model.expected, 4, 16)
        arrived = disturb(request, rng) if rng.random() < 0.7 else request
        model.feed(arrived)
        line += arrived
    _, model = run(line + encode_request(Command.HELLO, 77), kind, 38, 0.0)
    assert len(model.executed) > 50 * kind.share
    assert model.expected == 78


@mostly_fast
def test_noise_alters_nothing_and_hello_is_answered_afterwards(kind: Kind) -> None:
    chip, _ = run(random.Random(39).randbytes(int(3000 * kind.share)) + encode_request(Command.HELLO, 3), kind, 40, 0.0)
    assert not chip.writes


@both
def test_nothing_is_done_before_the_frame_has_ended(kind: Kind) -> None:
    dut, simulation = simulated(kind)
    line = encode_request(Command.WRITE_MEMORY, 0, 0, 64, bytes(64))[:-1]

    async def bench(ctx: Any) -> None:
        for _ in range(100 * kind.cycles):
            _, _, access = await ctx.tick().sample(
                Cat(dut.axi_write.awvalid, dut.axi_write.wvalid, dut.axil.awvalid, dut.o.valid)
            )
            assert not access

    simulation.run(bench, source(dut.i, line, random.Random(41), 0.0))


@both
def test_fifo_holds_512_bytes_while_an_answer_waits(kind: Kind) -> None:
    dut, simulation = simulated(kind)
    line = encode_request(Command.HELLO, 0) + bytes(1000)
    count = 0

    async def bench(ctx: Any) -> None:
        nonlocal count
        ctx.set(dut.i.valid, 1)
        for _ in range(2000):
            ctx.set(dut.i.payload, line[count])
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            count += ready

    simulation.run(bench)
    assert count >= 512 + len(encode_request(Command.HELLO, 0))


@both
def test_unknown_command_is_refused(kind: Kind) -> None:
    run(encode_frame(bytes([5, 0]) + bytes(4) + b"\x04\0"), kind, 42, 0.0)


@pytest.mark.parametrize("component", [Executor, Responder, ByteLink])
def test_refuses_other_bus_widths(component: Any) -> None:
    assert_refused(r"^bus_bytes must be 2, 4, 8 or 16, not 32$", component, 32)
