"""Flash and RAM behind one bus: bytes, strobes, responses, rules kept."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR
from hw.flash.memory import FlashMemory
from hw.flash.ram import FlashRam
from hw.flash.spram import SPRAM_BYTES
from spec.flash_chip import FlashChip
from tests.hw.flash.system import BRING_UP_CYCLES, CLOCK_HZ, SMALL, System, violations
from tests.hw.refusal import assert_refused
from tests.hw.sdram.system import acknowledge, receive, request, send, simulate

SEED = 11
BEAT = 4
BASE, END = SMALL.size, SMALL.size + SPRAM_BYTES
DATA = random.Random(SEED).randbytes(SMALL.size)


def whole(addr: int, count: int) -> bool:
    """Whether a burst crosses no multiple of 4096."""
    return addr // 4096 == (addr + BEAT * count - 1) // 4096


@dataclass
class Traffic:
    """Random bursts against bytes, of reads and writes at the same time that do not overlap while under way."""

    system: System
    bursts: int
    stalls: float
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))
    memory: bytearray = field(default_factory=lambda: bytearray(SPRAM_BYTES))
    reads: deque[tuple[int, int]] = field(default_factory=deque)
    writes: deque[tuple[int, int]] = field(default_factory=deque)
    beats: deque[tuple[int, int, bool]] = field(default_factory=deque)
    last_end: int = 0

    def draw(self, start: int, end: int) -> tuple[int, int]:
        while True:
            addr, count = self.rng.randrange(start, end, BEAT), self.rng.choice([1, 1, 2, 3, 7, 15, 16, 16])
            if self.rng.random() < 0.5 and start <= self.last_end < end:
                addr = self.last_end
            if addr + BEAT * count <= end and whole(addr, count):
                self.last_end = addr + BEAT * count
                return addr, count

    async def pause(self, ctx: Any) -> None:
        if self.rng.random() < self.stalls:
            await ctx.tick().repeat(self.rng.choice([1, 2, 3, 20]))

    async def free(self, ctx: Any, addr: int, count: int, others: deque[tuple[int, int]]) -> None:
        while any(addr < theirs + BEAT * n and theirs < addr + BEAT * count for theirs, n in others):
            await ctx.tick()

    async def ask(self, ctx: Any) -> None:
        areas = [(0, 2048), (0, SMALL.size), (BASE, BASE + 512), (BASE, END)]
        for _ in range(self.bursts):
            addr, count = self.draw(*self.rng.choice(areas))
            await self.pause(ctx)
            await self.free(ctx, addr, count, self.writes)
            self.reads.append((addr, count))
            await request(ctx, self.system.read, "ar", addr, count)

    async def collect(self, ctx: Any) -> None:
        for number in range(self.bursts):
            while not self.reads:
                await ctx.tick()
            addr, count = self.reads[0]
            bytes_ = self.memory[addr - BASE :] if addr >= BASE else DATA[addr:]
            for beat in range(count):
                await self.pause(ctx)
                wanted = int.from_bytes(bytes_[BEAT * beat :][:BEAT], "little"), RESPONSE_OKAY, beat == count - 1
                place = f"read {number} at {addr:#x}, beat {beat}, seed {SEED}"
                assert await receive(ctx, self.system.read) == wanted, place
            self.reads.popleft()

    async def order(self, ctx: Any) -> None:
        for _ in range(self.bursts):
            addr, count = self.draw(BASE, self.rng.choice([BASE + 512, END]))
            await self.pause(ctx)
            await self.free(ctx, addr, count, self.reads)
            self.writes.append((addr, count))
            for place in range(addr - BASE, addr - BASE + BEAT * count, BEAT):
                data, strobes = self.rng.randbytes(BEAT), self.rng.choice([15, 15, self.rng.getrandbits(4)])
                for lane in range(BEAT):
                    if strobes >> lane & 1:
                        self.memory[place + lane] = data[lane]
                last = place + BEAT == addr - BASE + BEAT * count
                self.beats.append((int.from_bytes(data, "little"), strobes, last))
            await request(ctx, self.system.write, "aw", addr, count)

    async def supply(self, ctx: Any) -> None:
        last = 0
        while last < self.bursts:
            while not self.beats:
                await ctx.tick()
            await self.pause(ctx)
            beat = self.beats.popleft()
            await send(ctx, self.system.write, *beat)
            last += beat[2]

    async def confirm(self, ctx: Any) -> None:
        for _ in range(self.bursts):
            await self.pause(ctx)
            assert await acknowledge(ctx, self.system.write) == RESPONSE_OKAY
            self.writes.popleft()

    def run(self) -> None:
        async def check(ctx: Any) -> None:
            await self.confirm(ctx)
            while self.reads:
                await ctx.tick()
            assert violations(ctx, self.system.model) == {}

        deadline = BRING_UP_CYCLES + 1000 * self.bursts
        simulate(self.system, self.ask, self.collect, self.order, self.supply, check, deadline=deadline)


@pytest.mark.parametrize(("stalls", "half_rate"), [(0.0, False), (0.3, False), (0.9, False), (0.3, True)])
def test_random_bursts(stalls: float, half_rate: bool) -> None:
    Traffic(System(half_rate=half_rate, init=DATA), 40, stalls).run()


async def read(ctx: Any, system: System, addr: int, count: int) -> list[tuple[int, int, bool]]:
    await request(ctx, system.read, "ar", addr, count)
    return [await receive(ctx, system.read) for _ in range(count)]


async def write(ctx: Any, system: System, addr: int, words: list[int], strobes: int = 15) -> int:
    await request(ctx, system.write, "aw", addr, len(words))
    for number, word in enumerate(words):
        await send(ctx, system.write, word, strobes, number == len(words) - 1)
    return await acknowledge(ctx, system.write)


def test_ram_may_be_used_before_the_flash_is_brought_up() -> None:
    system = System(init=DATA)

    async def bench(ctx: Any) -> None:
        for number in range(4):
            assert await write(ctx, system, BASE + 4 * number, [number, 2**32 - 1 - number]) == RESPONSE_OKAY
        found = await read(ctx, system, BASE, 5)
        assert [word for word, _, _ in found] == [0, 1, 2, 3, 2**32 - 1 - 3]
        assert (await read(ctx, system, 0, 1))[0][0] == int.from_bytes(DATA[:4], "little")
        assert violations(ctx, system.model) == {}

    simulate(system, bench, deadline=BRING_UP_CYCLES)


def test_every_strobe_writes_its_byte() -> None:
    system = System()

    async def bench(ctx: Any) -> None:
        for strobes in range(16):
            await write(ctx, system, BASE + 4 * strobes, [0x11223344])
            await write(ctx, system, BASE + 4 * strobes, [0xAABBCCDD], strobes)
        found = [word for word, _, _ in await read(ctx, system, BASE, 16)]
        old, new = bytes.fromhex("44332211"), bytes.fromhex("ddccbbaa")
        for strobes, word in enumerate(found):
            lanes = [(new if strobes >> lane & 1 else old)[lane] for lane in range(BEAT)]
            assert word == int.from_bytes(lanes, "little"), f"{strobes:04b}"

    simulate(system, bench, deadline=2 * BRING_UP_CYCLES)


def test_ends_of_the_ram() -> None:
    system = System()

    async def bench(ctx: Any) -> None:
        assert await write(ctx, system, BASE, [1]) == RESPONSE_OKAY
        assert await write(ctx, system, END - 64, list(range(16))) == RESPONSE_OKAY
        assert [word for word, _, _ in await read(ctx, system, END - 64, 16)] == list(range(16))
        assert (await read(ctx, system, BASE, 1))[0][0] == 1
        assert await write(ctx, system, END, [2]) == RESPONSE_SLVERR
        assert (await read(ctx, system, BASE, 1))[0][0] == 1

    simulate(system, bench, deadline=2 * BRING_UP_CYCLES)


@pytest.mark.parametrize("addr", [END, END + 4096, END + SMALL.size, BASE + (1 << 20), BASE | 1 << 31, 1 << 24])
def test_what_is_not_there_is_refused(addr: int) -> None:
    system = System(init=DATA)

    async def bench(ctx: Any) -> None:
        assert await write(ctx, system, BASE, [0x600D] * 16) == RESPONSE_OKAY
        assert await write(ctx, system, addr, [0xBAD] * 3) == RESPONSE_SLVERR
        assert [beat[1:] for beat in await read(ctx, system, addr, 3)] == [(RESPONSE_SLVERR, n == 2) for n in range(3)]
        assert [word for word, _, _ in await read(ctx, system, BASE, 16)] == [0x600D] * 16
        assert (await read(ctx, system, 8, 1))[0][1:] == (RESPONSE_OKAY, True)
        assert violations(ctx, system.model) == {}

    simulate(system, bench, deadline=2 * BRING_UP_CYCLES)


def test_flash_is_not_written() -> None:
    system = System(init=DATA)

    async def bench(ctx: Any) -> None:
        assert await write(ctx, system, 0, [0xBAD, 0xBAD]) == RESPONSE_SLVERR
        assert (await read(ctx, system, 0, 1))[0][0] == int.from_bytes(DATA[:4], "little")
        assert (await read(ctx, system, BASE, 1))[0][0] == 0

    simulate(system, bench, deadline=BRING_UP_CYCLES)


def test_data_may_come_before_their_address() -> None:
    system = System()

    async def supply(ctx: Any) -> None:
        for number in range(4):
            await send(ctx, system.write, number, 15, number % 2 == 1)

    async def order(ctx: Any) -> None:
        await ctx.tick().repeat(50)
        for addr in (BASE, BASE + 8):
            await request(ctx, system.write, "aw", addr, 2)
            assert await acknowledge(ctx, system.write) == RESPONSE_OKAY
        assert [word for word, _, _ in await read(ctx, system, BASE, 4)] == [0, 1, 2, 3]

    simulate(system, supply, order, deadline=BRING_UP_CYCLES)


def test_writes_go_on_while_the_flash_is_read() -> None:
    """A burst to the RAM takes no longer than one by itself: two cycles a beat."""
    system = System(init=DATA)

    async def ask(ctx: Any) -> None:
        ctx.set(system.read.rready, 1)
        for number in range(4):
            await request(ctx, system.read, "ar", 64 * number, 16)

    async def order(ctx: Any) -> None:
        await ctx.tick().until(system.read.rvalid)
        cycles = 0
        ctx.set(system.write.bready, 1)
        for name, value in {"awaddr": BASE, "awvalid": 1, "wstrb": 15, "wvalid": 1}.items():
            ctx.set(getattr(system.write, name), value)
        beats = 0
        done = False
        while not done:
            ctx.set(system.write.wlast, beats == 15)
            _, _, granted, taken, done = await ctx.tick().sample(
                system.write.awready, system.write.wready, system.write.bvalid
            )
            cycles += 1
            beats += taken
            if granted:
                ctx.set(system.write.awvalid, 0)
        assert cycles == 1 + 2 * 16 + 1

    simulate(system, ask, order, deadline=2 * BRING_UP_CYCLES)


def test_sizes_that_do_not_fit_are_refused() -> None:
    assert_refused("^base must be a multiple of 32768, not 4$", FlashRam, 4)
    assert_refused("^base must be a multiple of 32768, not 1024$", FlashMemory, FlashChip(size=1024), CLOCK_HZ)
