"""The register file, from the host's side and from the microprogram's, alone and both at the same time."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.micro.register_file import FIRST_LOCAL, RegisterFile, file_index
from spec.isa import ISA_VERSION
from spec.registers import COUNTERS, DEVICE_ID, REGISTERS, Control, Status
from tests.hw.bus.axi_lite_host import read_register, write_register

_OFFSET = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}
_WIDTH = {register.offset: register.width for register in REGISTERS if register.access == "rw"}
_CONSTANTS = {"ID": DEVICE_ID, "VERSION": ISA_VERSION, "ROWS": 4, "COLS": 6, "LANES": 1}
_WITHOUT_REGISTER = (0x34, 0x40, 0x7C, 0x84, 0x100, 0x400, 0xFF8, 0xFFC)
_MOST_CYCLES = 70_000
_NEVER_WRITTEN = {_OFFSET[name]: value for name, value in _CONSTANTS.items()} | dict.fromkeys(
    (_OFFSET["CONTROL"], _OFFSET["cycles"], *_WITHOUT_REGISTER), 0
)


def _ready_file() -> RegisterFile:
    """One as the microprogram leaves it after a hardware reset."""
    dut = RegisterFile()
    content = [0] * dut.memory.depth
    for name, value in _CONSTANTS.items():
        content[file_index(name) : file_index(name) + 2] = value & 0xFFFF, value >> 16
    dut.memory.init = content  # type: ignore[assignment]
    return dut


def _simulate(dut: RegisterFile, *benches: Any, background: Iterable[Any] = (), ready: int = 1) -> None:
    async def watchdog(ctx: Any) -> None:
        for _ in range(_MOST_CYCLES):
            await ctx.tick()
        raise AssertionError("it hangs")

    async def begin(ctx: Any) -> None:
        ctx.set(dut.ready, ready)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(begin)
    for bench in benches:
        simulator.add_testbench(bench)
    for bench in (*background, watchdog):
        simulator.add_testbench(bench, background=True)
    simulator.run()


async def _write_word(ctx: Any, dut: RegisterFile, index: int, value: int) -> None:
    """As the microprogram does."""
    ctx.set(dut.index, index)
    ctx.set(dut.i, value)
    ctx.set(dut.write, 1)
    await ctx.tick()
    ctx.set(dut.write, 0)


async def _read_word(ctx: Any, dut: RegisterFile, index: int) -> int:
    """As the microprogram does."""
    ctx.set(dut.index, index)
    ctx.set(dut.read, 1)
    await ctx.tick()
    ctx.set(dut.read, 0)
    return int(ctx.get(dut.o))


def _merged(old: int, new: int, strobes: int, width: int) -> int:
    mask = sum(0xFF << 8 * byte for byte in range(4) if strobes >> byte & 1) & ((1 << width) - 1)
    return old & ~mask | new & mask


def test_constants_and_addresses_without_a_register() -> None:
    dut = _ready_file()

    async def bench(ctx: Any) -> None:
        for offset, value in _NEVER_WRITTEN.items():
            assert await read_register(ctx, dut.axil, offset) == value, hex(offset)
        for counter in COUNTERS:
            assert await read_register(ctx, dut.axil, counter.offset) == 0, counter.name
            assert await read_register(ctx, dut.axil, counter.offset + 4) == 0, counter.name

    _simulate(dut, bench)


def test_only_writable_registers_keep_what_is_written() -> None:
    """Nor does a write anywhere else change a word of the microprogram."""
    dut = _ready_file()

    async def bench(ctx: Any) -> None:
        for index in range(FIRST_LOCAL, 256):
            await _write_word(ctx, dut, index, 0xA500 + index)
        before = {offset: await read_register(ctx, dut.axil, offset) for offset in range(0, 0x1000, 0x1C)}
        before |= {offset: await read_register(ctx, dut.axil, offset) for offset in range(0, 0x140, 4)}
        for offset in before:
            await write_register(ctx, dut.axil, offset, 0xFFFFFFFF)
        for offset, value in before.items():
            expected = (1 << _WIDTH[offset]) - 1 if offset in _WIDTH else value
            assert await read_register(ctx, dut.axil, offset) == expected, hex(offset)
        for index in range(FIRST_LOCAL, 256):
            assert await _read_word(ctx, dut, index) == 0xA500 + index

    _simulate(dut, bench)


@pytest.mark.parametrize("name", ["PROGRAM_ADDR", "PROGRAM_LENGTH"])
def test_byte_strobes_count(name: str) -> None:
    dut, random = _ready_file(), Random(1)
    offset = _OFFSET[name]

    async def bench(ctx: Any) -> None:
        content = 0
        for strobes in [*range(16), *(random.randrange(16) for _ in range(16))]:
            value = random.getrandbits(32)
            await write_register(ctx, dut.axil, offset, value, strobes)
            content = _merged(content, value, strobes, _WIDTH[offset])
            assert await read_register(ctx, dut.axil, offset) == content
            for half in range(2):
                assert await _read_word(ctx, dut, file_index(name) + half) == content >> 16 * half & 0xFFFF

    _simulate(dut, bench)


def test_host_sees_what_the_microprogram_writes() -> None:
    dut, random = _ready_file(), Random(2)

    async def bench(ctx: Any) -> None:
        for name in ("ERROR_CODE", "ERROR_INDEX", "ERROR_ADDR", "instructions"):
            value = random.getrandbits(32)
            for half in range(2):
                await _write_word(ctx, dut, file_index(name) + half, value >> 16 * half & 0xFFFF)
            assert await read_register(ctx, dut.axil, _OFFSET[name]) == value, name
        assert await read_register(ctx, dut.axil, _OFFSET["instructions"] + 4) == 0

    _simulate(dut, bench)


@pytest.mark.parametrize("busy", [0.0, 0.7])
@pytest.mark.parametrize("value", [0, Control.START, Control.SOFT_RESET, Control.START | Control.SOFT_RESET])
def test_control_gives_one_pulse(value: Control, busy: float) -> None:
    dut, random = _ready_file(), Random(3)
    pulses = [0, 0]

    async def bench(ctx: Any) -> None:
        for strobes in (0b1111, 0b1110, 0b0001):
            await write_register(ctx, dut.axil, _OFFSET["CONTROL"], value | 0xFFFFFFFC, strobes)
            # Neighbours do not act.
            await write_register(ctx, dut.axil, _OFFSET["VERSION"], value)
            await write_register(ctx, dut.axil, _OFFSET["STATUS"], value)
        await ctx.tick().repeat(3)

    async def watch(ctx: Any) -> None:
        async for _, _, start, soft_reset in ctx.tick().sample(dut.start, dut.soft_reset):
            pulses[0] += start
            pulses[1] += soft_reset

    async def disturb(ctx: Any) -> None:
        while True:
            ctx.set(dut.index, 0xFF)
            ctx.set(dut.write, random.random() < busy)
            await ctx.tick()

    _simulate(dut, bench, background=(watch, disturb))
    assert pulses == [2 * (value & 1), 2 * (value >> 1)]


def test_irq_enable() -> None:
    dut = _ready_file()

    async def bench(ctx: Any) -> None:
        assert ctx.get(dut.irq_enable) == 0
        for value, strobes, expected in (
            (1, 0b1111, 1),
            (0, 0b1110, 1),
            (0xFE, 0b0001, 0),
            (0xFF, 0b0001, 1),
            (0, 1, 0),
        ):
            await write_register(ctx, dut.axil, _OFFSET["IRQ_ENABLE"], value, strobes)
            assert ctx.get(dut.irq_enable) == expected
            assert await read_register(ctx, dut.axil, _OFFSET["IRQ_ENABLE"]) == expected
        await write_register(ctx, dut.axil, _OFFSET["ROWS"], 1)
        await write_register(ctx, dut.axil, _OFFSET["ERROR_ADDR"], 1)
        assert ctx.get(dut.irq_enable) == 0

    _simulate(dut, bench)


def test_status_is_that_of_the_core() -> None:
    dut = _ready_file()

    async def bench(ctx: Any) -> None:
        for status in range(1 << len(Status)):
            ctx.set(dut.status, status)
            assert await read_register(ctx, dut.axil, _OFFSET["STATUS"]) == status
            assert await read_register(ctx, dut.axil, _OFFSET["PROGRAM_ADDR"]) == 0

    _simulate(dut, bench)


def test_cycles_are_those_while_busy() -> None:
    dut = _ready_file()

    async def bench(ctx: Any) -> None:
        # The third number needs both halves.
        for cycles in (1, 100, 0x10003, 2):
            ctx.set(dut.status, Status.BUSY)
            await ctx.tick().repeat(cycles)
            ctx.set(dut.status, Status.DONE)
            await ctx.tick().repeat(7)
            assert await read_register(ctx, dut.axil, _OFFSET["cycles"]) == cycles
            assert await read_register(ctx, dut.axil, _OFFSET["cycles"] + 4) == 0
        ctx.set(dut.status, Status.RESETTING)
        await ctx.tick()
        ctx.set(dut.status, 0)
        assert await read_register(ctx, dut.axil, _OFFSET["cycles"]) == 0

    _simulate(dut, bench)


def test_a_register_comes_after_4_cycles_and_waits_for_the_host() -> None:
    dut = _ready_file()
    axil = dut.axil

    async def bench(ctx: Any) -> None:
        for name in ("ID", "ROWS"):
            ctx.set(axil.araddr, _OFFSET[name])
            ctx.set(axil.arvalid, 1)
            await ctx.tick().repeat(2)
            assert not ctx.get(axil.rvalid)
            await ctx.tick()
            assert ctx.get(axil.rvalid)
            # The next one is asked for already, and the microprogram reads in between.
            ctx.set(axil.araddr, _OFFSET["VERSION"])
            for _ in range(4):
                assert await _read_word(ctx, dut, 0) == DEVICE_ID % (1 << 16)
                await ctx.tick().repeat(2)
                assert ctx.get(axil.rvalid)
                assert not ctx.get(axil.arready)
                assert ctx.get(axil.rdata) == _CONSTANTS[name]
            ctx.set(axil.arvalid, 0)
            ctx.set(axil.rready, 1)
            await ctx.tick()
            assert not ctx.get(axil.rvalid)
            ctx.set(axil.rready, 0)

    _simulate(dut, bench)


def test_writes_wait_for_data_and_for_the_host() -> None:
    dut = _ready_file()
    axil = dut.axil

    async def bench(ctx: Any) -> None:
        ctx.set(axil.awaddr, _OFFSET["PROGRAM_LENGTH"])
        ctx.set(axil.awvalid, 1)
        await ctx.tick().repeat(3)
        assert not ctx.get(axil.awready)
        ctx.set(axil.wdata, 0x1234567)
        ctx.set(axil.wstrb, 0b1111)
        ctx.set(axil.wvalid, 1)
        await ctx.tick().until(axil.wready)
        assert ctx.get(axil.bvalid)
        # Nobody has taken the answer, so the next write waits.
        ctx.set(axil.wdata, 0x7654321)
        await ctx.tick().repeat(3)
        assert ctx.get(axil.bvalid)
        assert not ctx.get(axil.wready)
        assert await read_register(ctx, axil, _OFFSET["PROGRAM_LENGTH"]) == 0x1234567
        ctx.set(axil.bready, 1)
        await ctx.tick().until(axil.wready)
        ctx.set(axil.wvalid, 0)
        assert await read_register(ctx, axil, _OFFSET["PROGRAM_LENGTH"]) == 0x7654321

    _simulate(dut, bench)


def test_writes_that_are_held_wait() -> None:
    """Reads do not, and the microprogram neither."""
    dut = _ready_file()
    axil = dut.axil

    async def bench(ctx: Any) -> None:
        await write_register(ctx, axil, _OFFSET["PROGRAM_ADDR"], 0x1234_5678)
        ctx.set(dut.hold, 1)
        for name, value in (("PROGRAM_ADDR", 0x89AB_CDEF), ("CONTROL", Control.START | Control.SOFT_RESET)):
            ctx.set(axil.awaddr, _OFFSET[name])
            ctx.set(axil.wdata, int(value))
            ctx.set(axil.wstrb, 0b1111)
            ctx.set(axil.awvalid, 1)
            ctx.set(axil.wvalid, 1)
            for _ in range(5):
                assert not ctx.get(axil.wready | axil.awready | axil.bvalid | dut.start | dut.soft_reset)
                await _write_word(ctx, dut, FIRST_LOCAL, 5)
                assert await _read_word(ctx, dut, FIRST_LOCAL) == 5
                assert await read_register(ctx, axil, _OFFSET["PROGRAM_ADDR"]) == 0x1234_5678
        ctx.set(dut.hold, 0)
        await ctx.tick()
        assert ctx.get(dut.start) and ctx.get(dut.soft_reset)

    _simulate(dut, bench)


@pytest.mark.parametrize("busy", [0.1, 0.5, 0.9])
def test_host_and_microprogram_at_the_same_time(busy: float) -> None:
    """The host writes and reads, and neither disturbs the microprogram nor is disturbed."""
    dut, random = _ready_file(), Random(4)
    written, finished = dict.fromkeys(_WIDTH, 0), set()

    async def pause(ctx: Any) -> None:
        while random.random() < 0.5:
            await ctx.tick()

    async def writer(ctx: Any) -> None:
        for _ in range(60):
            offset = random.choice([*_WIDTH, *_WIDTH, *_NEVER_WRITTEN, _OFFSET["ERROR_ADDR"]])
            value, strobes = random.getrandbits(32), random.randrange(16)
            await write_register(ctx, dut.axil, offset, value, strobes)
            if offset in _WIDTH:
                written[offset] = _merged(written[offset], value, strobes, _WIDTH[offset])
            await pause(ctx)
        finished.add(writer)

    async def reader(ctx: Any) -> None:
        while writer not in finished:
            offset, value = random.choice([*_NEVER_WRITTEN.items()])
            assert await read_register(ctx, dut.axil, offset) == value, hex(offset)
            await pause(ctx)
        for offset, value in written.items():
            assert await read_register(ctx, dut.axil, offset) == value, hex(offset)

    async def microprogram(ctx: Any) -> None:
        ours = [*range(FIRST_LOCAL, 256), *(file_index("ERROR_ADDR") + half for half in range(2))]
        content = dict.fromkeys(ours, 0)
        while True:
            access = random.choice([dut.read, dut.write]) if random.random() < busy else None
            index, value = random.choice(ours), random.getrandbits(16)
            ctx.set(dut.index, index)
            ctx.set(dut.i, value)
            ctx.set(dut.read, access is dut.read)
            ctx.set(dut.write, access is dut.write)
            await ctx.tick()
            if access is dut.read:
                assert ctx.get(dut.o) == content[index], index
            elif access is dut.write:
                content[index] = value

    _simulate(dut, writer, reader, background=(microprogram,))


@pytest.mark.parametrize("host", ["writer", "reader"])
def test_the_host_waits_until_the_file_is_ready(host: str) -> None:
    dut = _ready_file()

    async def writer(ctx: Any) -> None:
        await write_register(ctx, dut.axil, _OFFSET["PROGRAM_ADDR"], 0x12345678)
        assert ctx.get(dut.ready)
        assert await read_register(ctx, dut.axil, _OFFSET["PROGRAM_ADDR"]) == 0x12345678

    async def reader(ctx: Any) -> None:
        assert await read_register(ctx, dut.axil, _OFFSET["ID"]) == DEVICE_ID
        assert ctx.get(dut.ready)

    async def microprogram(ctx: Any) -> None:
        for index in range(FIRST_LOCAL):
            await _write_word(ctx, dut, index, 0)
        for half in range(2):
            await _write_word(ctx, dut, file_index("ID") + half, DEVICE_ID >> 16 * half & 0xFFFF)
        ctx.set(dut.ready, 1)

    _simulate(dut, {"writer": writer, "reader": reader}[host], background=(microprogram,), ready=0)
