"""Bursts and single writes against a memory that stalls, refuses or dies."""

from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bus.axi import BOUNDARY_BYTES, BURST_BEATS
from hw.config import AcceleratorConfig
from hw.serial.memory_bus import BUS_BYTES, MemoryBus
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.axi_monitor import AxiMonitor

_TIMEOUT = 256
_CONFIG = AcceleratorConfig(
    rows=4,
    cols=4,
    lanes=1,
    serial=1,
    bus_bytes=BUS_BYTES,
    scratchpad_kib=1,
    scratchpad_banks=1,
    vector_kib=1,
    acc_depth=16,
    timeout_cycles=_TIMEOUT,
)
_BUFFERED_WORDS = 128
_MOST_CYCLES = 30_000
_WRITTEN = 0x2000
"""Where writes go; the memory has as much above it as below."""


class _Bench:
    """What the microprogram does with the bus, and the halves that must come out of the buffer."""

    def __init__(self, dut: MemoryBus, memory: AxiMemory) -> None:
        self.ctx: Any = None
        self.dut, self.memory = dut, memory
        self.expected: deque[int] = deque()
        self.taken: list[int] = []
        self.answers = AxiMonitor()
        self.random = Random(1)

    async def begin_read(self, addr: int, beats: int) -> None:
        self.ctx.set(self.dut.beats, beats - 1)
        self.expected += self.memory.data[addr : addr + beats * BUS_BYTES].view("<u2").tolist()
        await self._begin(self.dut.read, addr)

    async def begin_write(self, addr: int, value: int) -> None:
        self.ctx.set(self.dut.data, value)
        await self._begin(self.dut.write, addr)

    async def _begin(self, kind: Any, addr: int) -> None:
        assert not self.owed
        self.ctx.set(self.dut.addr, addr)
        await self._pulse(kind)
        assert self.owed

    async def _pulse(self, signal: Any) -> None:
        self.ctx.set(signal, 1)
        await self.ctx.tick()
        self.ctx.set(signal, 0)

    @property
    def owed(self) -> bool:
        return bool(self.ctx.get(self.dut.owed))

    async def settle(self) -> None:
        """Wait until nothing is owed."""
        while self.owed:
            await self.ctx.tick()

    async def forget(self) -> None:
        """Drop all; some time later nothing of it is on its way any more."""
        await self._pulse(self.dut.forget)
        self.expected.clear()
        self.taken.clear()
        self.check(owed=0, available=0)
        self.memory.dead = False
        await self.ctx.tick().repeat(60)
        self.check(owed=0, failed=0, dead=0, available=0)

    async def pop(self) -> None:
        """Take a half, which must be there and be the next one."""
        half = self.expected.popleft()
        self.check(available=1, half=half, second=len(self.taken) % 2)
        if self.taken:
            self.check(word=self.taken[-1] | half << 16)
        self.taken.append(half)
        await self._pulse(self.dut.pop)

    async def pop_all(self) -> None:
        """Take as many halves as have been asked for, without an error; no more come."""
        while self.expected:
            self.check(failed=0, dead=0)
            await self.pop_some(1)
        for _ in range(3):
            self.check(available=0)
            await self.ctx.tick()

    async def pop_some(self, probability: float) -> None:
        """Take a half if there is one, or let a cycle pass."""
        if self.ctx.get(self.dut.available) and self.random.random() < probability:
            await self.pop()
        else:
            await self.ctx.tick()

    def check(self, **outputs: int) -> None:
        for name, value in outputs.items():
            assert self.ctx.get(getattr(self.dut, name)) == value, name


def _memory(**options: Any) -> AxiMemory:
    return AxiMemory(np.frombuffer(Random(9).randbytes(1 << 14), np.uint8).copy(), BUS_BYTES, **options)


def _simulate(memory: AxiMemory, steps: Callable[[_Bench], Awaitable[None]], *, keeps_offers: bool = True) -> None:
    """Run steps; offers on the bus are kept, except where it is dead or transfers are dropped."""
    dut = MemoryBus(_CONFIG)
    bench = _Bench(dut, memory)

    async def run(ctx: Any) -> None:
        bench.ctx = ctx
        await steps(bench)

    async def watchdog(ctx: Any) -> None:
        for _ in range(_MOST_CYCLES):
            await ctx.tick()
        raise AssertionError("it hangs")

    async def serve_reads(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.axi_read)

    async def serve_writes(ctx: Any) -> None:
        await memory.serve_writes(ctx, dut.axi_write)

    async def watch_answers(ctx: Any) -> None:
        await bench.answers.watch(ctx, dut.axi_read, "r")

    async def watch_reads(ctx: Any) -> None:
        await AxiMonitor().watch(ctx, dut.axi_read, "ar")

    async def watch_writes(ctx: Any) -> None:
        await AxiMonitor().watch(ctx, dut.axi_write, "aw", "w")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    for background in (watchdog, serve_reads, serve_writes, watch_answers):
        simulator.add_testbench(background, background=True)
    if keeps_offers:
        simulator.add_testbench(watch_reads, background=True)
        simulator.add_testbench(watch_writes, background=True)
    simulator.run()


def _random_read(random: Random, beats: int) -> tuple[int, int]:
    """Where a burst that stays within a page of the lower half may begin, and its beats."""
    page = random.randrange(2) * BOUNDARY_BYTES
    return page + random.randrange((BOUNDARY_BYTES // BUS_BYTES) - beats + 1) * BUS_BYTES, beats


@pytest.mark.parametrize("pops", [1.0, 0.3])
@pytest.mark.parametrize("options", [{}, {"stall": 0.5}, {"stall": 0.9}], ids=str)
def test_transfers_of_all_lengths(options: dict[str, Any], pops: float) -> None:
    """Halves are taken at random while bursts and writes follow each other."""
    random = Random(2)
    memory = _memory(**options)
    lengths = [*range(1, BURST_BEATS + 1), BURST_BEATS, 1, *(random.randint(1, BURST_BEATS) for _ in range(8))]
    random.shuffle(lengths)

    async def steps(bench: _Bench) -> None:
        reads, writes = [], []
        for beats in lengths:
            reads.append(_random_read(random, beats))
            await bench.begin_read(*reads[-1])
            while bench.owed or random.random() < 0.9:
                bench.check(failed=0, dead=0)
                await bench.pop_some(pops)
            if random.random() < 0.5:
                addr, value = _WRITTEN + random.randrange(1 << 10) * BUS_BYTES, random.getrandbits(32)
                writes.append((addr, 1))
                await bench.begin_write(addr, value)
                while bench.owed:
                    bench.check(failed=0, dead=0)
                    await bench.pop_some(pops)
                assert memory.data[addr : addr + BUS_BYTES].view("<u4")[0] == value
        await bench.pop_all()
        assert memory.reads == reads
        assert memory.writes == writes

    _simulate(memory, steps)


def test_a_slow_memory_is_not_dead() -> None:
    """It answers just before patience ends."""

    async def steps(bench: _Bench) -> None:
        for _ in range(2):
            await bench.begin_read(0x80, BURST_BEATS)
            await bench.pop_all()
            await bench.begin_write(_WRITTEN, 0x12345678)
            while bench.owed:
                bench.check(failed=0, dead=0)
                await bench.ctx.tick()

    _simulate(_memory(latency=_TIMEOUT - 10), steps)


def test_a_word_comes_in_two_cycles() -> None:
    async def steps(bench: _Bench) -> None:
        await bench.begin_read(0x40, BURST_BEATS)
        assert bench.ctx.get(bench.dut.axi_read.arvalid)
        await bench.pop_all()
        first = bench.answers.cycles["r"][0]
        assert bench.answers.cycles["r"] == [first + 2 * beat for beat in range(BURST_BEATS)]

    _simulate(_memory(), steps)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_the_bus_waits_while_the_buffer_is_full(stall: float) -> None:
    """Nobody takes a half, until the last of these bursts cannot end."""

    async def steps(bench: _Bench) -> None:
        for burst in range(_BUFFERED_WORDS // BURST_BEATS):
            await bench.settle()
            await bench.begin_read(burst * 0x100, BURST_BEATS)
        await bench.ctx.tick().repeat(150)
        came = len(bench.answers.cycles["r"])
        assert _BUFFERED_WORDS - 8 <= came < _BUFFERED_WORDS
        for _ in range(50):
            bench.check(owed=1, failed=0, available=1)
            await bench.ctx.tick()
        assert len(bench.answers.cycles["r"]) == came
        # From here on there is room for one word after the other.
        while bench.owed:
            await bench.pop_some(0.2)
        await bench.begin_read(0x1000, BURST_BEATS)
        await bench.pop_all()

    _simulate(_memory(stall=stall), steps)


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_forget_at_any_time(stall: float) -> None:
    """Amid a burst or behind it, after any number of halves; what comes later is dropped."""

    async def steps(bench: _Bench) -> None:
        for cycles in range(1, 50, 3):
            await bench.begin_read(*_random_read(bench.random, BURST_BEATS))
            for _ in range(cycles):
                await bench.pop_some(0.5)
            await bench.forget()
            await bench.begin_read(*_random_read(bench.random, 3))
            await bench.pop_all()
            bench.check(owed=0, failed=0)

    _simulate(_memory(stall=stall), steps, keeps_offers=False)


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_errors_are_kept(kind: str, forgets: bool) -> None:
    """Until they are forgotten or the next transfer begins; they are not the end of patience."""
    bad, good = 0x2100, 0x2200

    async def begin(bench: _Bench, addr: int) -> None:
        await (bench.begin_read(addr, 5) if kind == "read" else bench.begin_write(addr, 0x89ABCDEF))

    async def steps(bench: _Bench) -> None:
        for addr in (good, bad, bad, good, good, bad, good):
            await begin(bench, addr)
            bench.check(failed=0)
            await bench.settle()
            for _ in range(20):
                bench.check(failed=addr == bad, dead=0, owed=0)
                await bench.ctx.tick()
            if forgets:
                await bench.forget()
        await bench.pop_all()

    _simulate(_memory(bad_reads={bad}, bad_writes={bad}), steps)


def test_an_error_ends_neither_the_burst_nor_earlier_words() -> None:
    async def steps(bench: _Bench) -> None:
        await bench.begin_read(0x100, 7)
        await bench.settle()
        await bench.begin_read(0x200, 16)
        await bench.settle()
        bench.check(failed=1)
        await bench.begin_read(0x300, 2)
        await bench.pop_all()
        bench.check(failed=0, owed=0)

    _simulate(_memory(bad_reads={0x200}), steps)


@pytest.mark.parametrize(
    ("kind", "lives"), [("read", 0), ("read", 1), ("read", 9), ("read", 16), ("read", 33), ("write", 0), ("write", 4)]
)
def test_patience_ends_once_nothing_has_happened_for_a_time(kind: str, lives: int) -> None:
    """The memory dies some cycles after a transfer has begun; once that is forgotten, another one succeeds."""

    async def begin(bench: _Bench) -> None:
        await (bench.begin_read(0x400, BURST_BEATS) if kind == "read" else bench.begin_write(_WRITTEN, 0x01234567))

    async def steps(bench: _Bench) -> None:
        for _ in range(2):
            bench.memory.dead = lives == 0
            await bench.ctx.tick()
            await begin(bench)
            await bench.ctx.tick().repeat(max(lives, 1))
            bench.memory.dead = True
            # Some of what happened before may be seen a cycle later.
            cycles = 0
            while not bench.ctx.get(bench.dut.dead):
                bench.check(owed=1, failed=0)
                await bench.ctx.tick()
                cycles += 1
            assert abs(cycles - _TIMEOUT) < 5
            for _ in range(20):
                bench.check(owed=1, failed=1, dead=1)
                await bench.ctx.tick()
            await bench.forget()
            bench.check(failed=0, dead=0)
            await bench.ctx.tick()
            bench.check(failed=0, dead=0)
            await begin(bench)
            await bench.settle()
            bench.check(failed=0, dead=0)
            await bench.pop_all()
        # What the memory had not taken is not offered again.
        assert len(bench.memory.reads + bench.memory.writes) == (2 if lives == 0 else 4)

    _simulate(_memory(), steps, keeps_offers=False)


def test_the_end_of_patience_is_kept_though_the_memory_lives_again() -> None:
    async def steps(bench: _Bench) -> None:
        bench.memory.dead = True
        await bench.ctx.tick()
        await bench.begin_read(0x400, BURST_BEATS)
        await bench.ctx.tick().repeat(_TIMEOUT + 5)
        bench.check(owed=1, failed=1, dead=1)
        bench.memory.dead = False
        await bench.ctx.tick().repeat(60)
        bench.check(owed=0, failed=1, dead=1)
        await bench.forget()
        bench.check(failed=0, dead=0, available=0)

    _simulate(_memory(), steps)
