"""Bursts and single writes against a memory that stalls, refuses, dies or breaks the rules."""

from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bus.axi import RESPONSE_SLVERR
from hw.micro.memory_bus import BUS_BYTES, MemoryBus
from spec.axi import BOUNDARY_BYTES, BURST_BEATS
from spec.config import AcceleratorConfig
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.axi_monitor import AxiMonitor

_TIMEOUT = 256
_CONFIG = AcceleratorConfig(
    rows=4,
    cols=4,
    lanes=1,
    core="micro",
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
        """Drop what has come."""
        await self._pulse(self.dut.forget)
        self.expected.clear()
        self.taken.clear()
        self.check(available=0)

    async def forget_all(self) -> None:
        """Drop what comes until all has, as the microprogram does."""
        await self.forget()
        while self.owed:
            await self.ctx.tick()
            await self.forget()
        self.check(failed=0, dead=0)

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


def _simulate(memory: AxiMemory, steps: Callable[[_Bench], Awaitable[None]], *, serves: bool = True) -> None:
    """Run steps, with the memory behind the bus or with what the steps do there; offers are kept, whatever happens."""
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
    for background in (watchdog, watch_answers, watch_reads, watch_writes):
        simulator.add_testbench(background, background=True)
    if serves:
        simulator.add_testbench(serve_reads, background=True)
        simulator.add_testbench(serve_writes, background=True)
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
        # That is not the bus's fault.
        for _ in range(2 * _TIMEOUT):
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
    """Amid a burst or behind it, after any number of halves; until nothing is owed, what comes later is dropped."""

    async def steps(bench: _Bench) -> None:
        for cycles in range(1, 50, 3):
            await bench.begin_read(*_random_read(bench.random, BURST_BEATS))
            for _ in range(cycles):
                await bench.pop_some(0.5)
            await bench.forget_all()
            await bench.begin_read(*_random_read(bench.random, 3))
            await bench.pop_all()
            bench.check(owed=0, failed=0)

    _simulate(_memory(stall=stall), steps)


def test_a_full_buffer_is_forgotten() -> None:
    """The bus waits for room amid a burst, which then goes on to its end."""

    async def steps(bench: _Bench) -> None:
        for burst in range(_BUFFERED_WORDS // BURST_BEATS):
            await bench.settle()
            await bench.begin_read(burst * 0x100, BURST_BEATS)
        await bench.ctx.tick().repeat(150)
        bench.check(owed=1)
        await bench.forget_all()
        await bench.ctx.tick()
        assert len(bench.answers.cycles["r"]) == _BUFFERED_WORDS
        await bench.begin_read(0x1000, BURST_BEATS)
        await bench.pop_all()

    _simulate(_memory(), steps)


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
    """The memory dies some cycles after a transfer has begun, and ends it once it lives again."""

    async def begin(bench: _Bench) -> None:
        await (bench.begin_read(0x400, BURST_BEATS) if kind == "read" else bench.begin_write(_WRITTEN, 0x01234567))

    async def steps(bench: _Bench) -> None:
        for _ in range(2):
            bench.memory.dead = lives == 0
            await bench.ctx.tick()
            await begin(bench)
            await bench.ctx.tick().repeat(max(lives, 1))
            bench.memory.dead = True
            while not bench.ctx.get(bench.dut.dead):
                bench.check(owed=1, failed=0)
                await bench.ctx.tick()
            for _ in range(20):
                bench.check(owed=1, failed=1, dead=1)
                await bench.ctx.tick()
            await bench.forget()
            bench.check(owed=1)
            await bench.ctx.tick().repeat(_TIMEOUT)
            bench.check(owed=1)
            bench.memory.dead = False
            await bench.forget_all()
            await begin(bench)
            await bench.settle()
            bench.check(failed=0, dead=0)
            await bench.pop_all()
        # Each was offered once, and taken.
        assert len(bench.memory.reads + bench.memory.writes) == 4

    _simulate(_memory(), steps)


@pytest.mark.parametrize("kind", ["read", "beat", "write", "data"])
def test_patience_ends_in_the_cycle_in_which_it_should(kind: str) -> None:
    """Two cycles later than ``timeout_cycles`` after the last handshake or, without one, after the offer."""

    async def steps(bench: _Bench) -> None:
        ctx, dut = bench.ctx, bench.dut
        read, write = dut.axi_read, dut.axi_write
        waits = 0
        if kind in {"read", "beat"}:
            await bench.begin_read(0x400, 4)
            if kind == "beat":
                ctx.set(read.arready, 1)
                await ctx.tick()
                ctx.set(read.arready, 0)
                await bench.ctx.tick().repeat(_TIMEOUT - 9)
                ctx.set(read.rvalid, 1)
                await ctx.tick().until(read.rready)
                ctx.set(read.rvalid, 0)
        else:
            await bench.begin_write(_WRITTEN, 5)
            if kind == "data":
                await bench.ctx.tick().repeat(_TIMEOUT - 9)
                ctx.set(write.wready, 1)
                await ctx.tick()
                ctx.set(write.wready, 0)
        while not ctx.get(dut.dead):
            await ctx.tick()
            waits += 1
        # A handshake is seen a cycle late, and the end of patience is kept in a register.
        assert waits == _TIMEOUT + (2 if kind in {"beat", "data"} else 1)
        bench.check(failed=1, owed=1)

    _simulate(_memory(), steps, serves=False)


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


def test_the_first_error_is_kept_though_the_memory_dies() -> None:
    async def steps(bench: _Bench) -> None:
        await bench.begin_read(0x100, BURST_BEATS)
        while not bench.ctx.get(bench.dut.failed):
            await bench.ctx.tick()
        bench.memory.dead = True
        await bench.ctx.tick().repeat(2 * _TIMEOUT)
        bench.check(owed=1, failed=1, dead=0)

    _simulate(_memory(bad_reads={0x100}, stall=0.5), steps)


async def _take_address(bench: _Bench) -> None:
    read = bench.dut.axi_read
    bench.ctx.set(read.arready, 1)
    await bench.ctx.tick().until(read.arvalid)
    bench.ctx.set(read.arready, 0)


async def _give_beat(bench: _Bench, value: int, *, last: bool, response: int = 0) -> None:
    read = bench.dut.axi_read
    for signal, given in ((read.rdata, value), (read.rlast, last), (read.rresp, response), (read.rvalid, 1)):
        bench.ctx.set(signal, given)
    await bench.ctx.tick().until(read.rready)
    bench.ctx.set(read.rvalid, 0)


@pytest.mark.parametrize("beats", [1, 2, 5, BURST_BEATS])
def test_the_last_beat_must_say_so_and_only_it(beats: int) -> None:
    """A burst that ends early, or does not end, is an error; it is over all the same, and what follows is dropped."""

    async def steps(bench: _Bench) -> None:
        for says in range(1, beats + 2):
            await bench.begin_read(0x100, beats)
            await _take_address(bench)
            given = min(says, beats)
            for beat in range(1, given + 1):
                bench.check(owed=1, failed=0)
                await _give_beat(bench, beat, last=beat == says)
            bench.check(owed=0, failed=says != beats)
            for beat in range(3):
                await _give_beat(bench, 0xFFFF_FFFF, last=beat == 2, response=RESPONSE_SLVERR)
            bench.check(owed=0, failed=says != beats)
            bench.expected.clear()
            bench.expected.extend(half for beat in range(1, given + 1) for half in (beat, 0))
            while bench.expected:
                await bench.pop()
            bench.check(available=0)
            await bench.forget_all()

    _simulate(_memory(), steps, serves=False)


def test_an_answer_to_an_address_that_is_still_offered_is_dropped() -> None:
    async def steps(bench: _Bench) -> None:
        await bench.begin_read(0x100, 2)
        for beat in range(5):
            await _give_beat(bench, 0xFFFF_FFFF, last=beat == 2, response=RESPONSE_SLVERR)
        bench.check(owed=1, failed=0, available=0)
        await _take_address(bench)
        bench.expected.clear()
        bench.expected.extend((1, 0, 2, 0))
        await _give_beat(bench, 1, last=False)
        await _give_beat(bench, 2, last=True)
        await bench.pop_all()
        bench.check(owed=0, failed=0)

    _simulate(_memory(), steps, serves=False)


@pytest.mark.parametrize("first", ["aw", "w"])
def test_a_response_before_a_write_has_been_taken_is_dropped(first: str) -> None:
    """Whatever it says; the one behind address and data counts."""

    async def steps(bench: _Bench) -> None:
        ctx, write = bench.ctx, bench.dut.axi_write
        ctx.set(write.bvalid, 1)
        ctx.set(write.bresp, RESPONSE_SLVERR)
        await ctx.tick().repeat(3)
        await bench.begin_write(_WRITTEN, 7)
        for channel in (first, "w" if first == "aw" else "aw"):
            await ctx.tick().repeat(3)
            bench.check(owed=1, failed=0)
            ctx.set(getattr(write, channel + "ready"), 1)
            await ctx.tick()
            ctx.set(getattr(write, channel + "ready"), 0)
        ctx.set(write.bvalid, 0)
        await ctx.tick().repeat(3)
        bench.check(owed=1, failed=0)
        ctx.set(write.bresp, 0)
        ctx.set(write.bvalid, 1)
        await ctx.tick()
        bench.check(owed=0, failed=0)

    _simulate(_memory(), steps, serves=False)
