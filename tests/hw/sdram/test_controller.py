"""The controller with its chip: bytes, responses, rules kept, bandwidth, refreshes, nobody starves."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
from amaranth.hdl import Module, Signal

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR
from hw.sdram.controller import SdramController
from spec.axi import BURST_BEATS
from spec.sdram_chip import SdramChip
from tests.hw.refusal import assert_refused
from tests.hw.sdram.system import (
    CLOCK_HZ,
    SMALL,
    System,
    acknowledge,
    handshake,
    receive,
    request,
    send,
    simulate,
    violations,
)
from tests.long import long_but

SEED = 20
SIZE = 2 * SMALL.words
LONG_ROWS = SdramChip(rows=8, retention_ns=8 * 7812.5, power_up_ns=500)
"""Rows as long as the real chip's."""


class DelayedSystem(System):
    """Data take a cycle longer from the chip to the controller, as on a board that delays the chip's clock."""

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.controller, m.submodules.model = self.controller, self.model
        mine, theirs = self.controller.pins, self.model.pins
        delayed = Signal.like(mine.dq_i)
        m.d.sync += delayed.eq(theirs.dq_i)
        m.d.comb += mine.dq_i.eq(delayed)
        for name in mine.signature.members:
            if name != "dq_i":
                m.d.comb += getattr(theirs, name).eq(getattr(mine, name))
        return m


@dataclass
class Traffic:
    """Random bursts checked against bytes. No burst overlaps another under way in the other direction."""

    system: System
    bursts: int
    stalls: float
    rng: random.Random
    chip_bytes: int
    memory: bytearray = field(init=False)
    reads: deque[tuple[int, int, bytes]] = field(default_factory=deque)
    writes: deque[tuple[int, int]] = field(default_factory=deque)
    beats: deque[tuple[int, int, bool]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.memory = bytearray(self.chip_bytes)

    def draw(self) -> tuple[int, int]:
        """Address and beats of a burst that does not cross 4096 bytes; most are near others."""
        bus = self.system.bus_bytes
        beats = self.rng.choice([1, 1, 2, 3, 7, 15, 16, 16, 16])
        while True:
            area = self.rng.choice([SIZE, 1024])
            addr = self.rng.randrange(area // bus) * bus
            if addr // 4096 == (addr + beats * bus - 1) // 4096:
                return addr, beats

    async def pause(self, ctx: Any) -> None:
        if self.rng.random() < self.stalls:
            await ctx.tick().repeat(self.rng.choice([1, 2, 3, 20, 150 if self.rng.random() < 0.1 else 1]))

    async def free(self, ctx: Any, addr: int, end: int, others: Callable[[], list[tuple[int, int]]]) -> None:
        while any(addr < theirs_end and theirs < end for theirs, theirs_end in others()):
            await ctx.tick()

    async def ask(self, ctx: Any) -> None:
        for _ in range(self.bursts):
            addr, beats = self.draw()
            end = addr + beats * self.system.bus_bytes
            await self.pause(ctx)
            await self.free(ctx, addr, end, lambda: list(self.writes))
            self.reads.append((addr, end, bytes(self.memory[addr:end])))
            await request(ctx, self.system.read, "ar", addr, beats)

    async def collect(self, ctx: Any) -> None:
        bus = self.system.bus_bytes
        for number in range(self.bursts):
            while not self.reads:
                await ctx.tick()
            addr, end, wanted = self.reads[0]
            for offset in range(0, end - addr, bus):
                await self.pause(ctx)
                word, resp, last = await receive(ctx, self.system.read)
                place = f"read {number} at {addr:#x}, offset {offset}, seed {SEED}"
                assert word.to_bytes(bus, "little") == wanted[offset : offset + bus], place
                assert (resp, last) == (RESPONSE_OKAY, offset + bus == end - addr), place
            self.reads.popleft()

    async def order(self, ctx: Any) -> None:
        bus = self.system.bus_bytes
        for _ in range(self.bursts):
            addr, beats = self.draw()
            end = addr + beats * bus
            await self.pause(ctx)
            await self.free(ctx, addr, end, lambda: [(theirs, theirs_end) for theirs, theirs_end, _ in self.reads])
            self.writes.append((addr, end))
            for offset in range(addr, end, bus):
                data, strb = self.rng.randbytes(bus), self.rng.choice([-1, -1, self.rng.getrandbits(bus)]) % (1 << bus)
                for lane in range(bus):
                    if strb >> lane & 1:
                        self.memory[offset + lane] = data[lane]
                self.beats.append((int.from_bytes(data, "little"), strb, offset + bus == end))
            await request(ctx, self.system.write, "aw", addr, beats)

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
        system = self.system

        async def check(ctx: Any) -> None:
            await self.confirm(ctx)
            while self.reads:
                await ctx.tick()
            words = [int(ctx.get(system.model.memory.data[n])) for n in range(self.chip_bytes // 2)]
            assert b"".join(word.to_bytes(2, "little") for word in words) == self.memory
            assert violations(ctx, system.model) == {}

        simulate(system, self.ask, self.collect, self.order, self.supply, check, deadline=60_000)


@pytest.mark.parametrize(("bus_bytes", "stalls"), long_but([(2, 0), (16, 0.3)], product((2, 4, 8, 16), (0, 0.3))))
def test_random_bursts_match_bytes(bus_bytes: int, stalls: float) -> None:
    Traffic(System(bus_bytes), 100 if bus_bytes < 8 else 50, stalls, random.Random(SEED), SIZE).run()


@pytest.mark.parametrize("clock_hz", [143e6, 100e6, 25e6])
@pytest.mark.parametrize("cas_latency", [2, 3])
def test_rules_are_kept_at_other_clocks(clock_hz: float, cas_latency: int) -> None:
    chip = replace(SMALL, cas_latency=cas_latency)
    Traffic(System(4, chip, clock_hz), 40, 0.1, random.Random(SEED), SIZE).run()


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        ({"rcd_ns": 7}, {"t_rcd"}),
        ({"rp_ns": 7, "rc_ns": 67}, {"t_rp"}),
        ({"ras_ns": 35, "rc_ns": 35}, {"t_ras"}),
        ({"ras_ns": 35}, {"t_ras"}),
        ({"wr_ns": 14}, {"t_wr"}),
        ({"rfc_ns": 60}, {"t_rfc"}),
        ({"mrd_cycles": 1}, {"t_mrd"}),
        ({"power_up_ns": 400}, {"power_up"}),
        ({"initial_refreshes": 7}, {"power_up"}),
        ({"cas_latency": 2}, {"cas_latency"}),
        ({"retention_ns": 64 * 7812.5}, {"refresh_owed"}),
    ],
)
def test_controller_told_of_a_faster_chip_breaks_its_rule(told: dict[str, float], broken: set[str]) -> None:
    real = replace(SMALL, wr_ns=40, mrd_cycles=12)
    system = System(2, replace(real, **told), 143e6, real=real)
    rng = random.Random(SEED)
    found: set[str] = set()

    async def bench(ctx: Any) -> None:
        ctx.set(system.read.rready, 1)
        ctx.set(system.write.bready, 1)
        for _ in range(100):
            addr = rng.randrange(SIZE // 2) * 2
            if rng.random() < 0.5:
                await request(ctx, system.read, "ar", addr, 1)
            else:
                await request(ctx, system.write, "aw", addr, 1)
                await send(ctx, system.write, 0, 3, True)
        if "retention_ns" in told:
            await ctx.tick().repeat(16 * 1117)
        found.update(violations(ctx, system.model))

    simulate(system, bench, deadline=60_000)
    assert found == broken


def test_delayed_data() -> None:
    system = DelayedSystem(8, read_latency=SMALL.cas_latency + 3)
    Traffic(system, 40, 0.1, random.Random(SEED), SIZE).run()


def test_wrong_read_latency_is_seen() -> None:
    with pytest.raises(AssertionError, match="read "):
        Traffic(System(8, read_latency=SMALL.cas_latency + 3), 40, 0, random.Random(SEED), SIZE).run()


@dataclass
class Load:
    """Bursts without a pause, of consecutive addresses unless `rng` is given; counts of what the bus transfers."""

    system: System
    cycles: int
    reading: bool = True
    writing: bool = False
    beats: int = BURST_BEATS
    rng: random.Random | None = None
    read_beats: int = 0
    write_beats: int = 0
    most_owed: int = 0
    longest_wait: int = 0

    def run(self) -> None:
        system = self.system

        async def ask(ctx: Any, axi: Any, channel: str) -> None:
            step, addr = self.beats * system.bus_bytes, 0
            while True:
                await request(ctx, axi, channel, addr, self.beats)
                places = 2 * LONG_ROWS.words // step
                addr = self.rng.randrange(places) * step if self.rng else (addr + step) % (places * step)

        async def ask_read(ctx: Any) -> None:
            await ask(ctx, system.read, "ar")

        async def ask_write(ctx: Any) -> None:
            await ask(ctx, system.write, "aw")

        async def supply(ctx: Any) -> None:
            while True:
                await send(ctx, system.write, 0, 1, False)

        async def count(ctx: Any) -> None:
            ctx.set(system.read.rready, 1)
            ctx.set(system.write.bready, 1)
            await handshake(ctx, Signal(), system.read.rvalid if self.reading else system.write.bvalid)
            waits = {"read": 0, "write": 0}
            for _ in range(self.cycles):
                _, _, read, write, owed = await ctx.tick().sample(
                    system.read.rvalid, system.write.wvalid & system.write.wready, system.model.owed
                )
                self.read_beats += read
                self.write_beats += write
                self.most_owed = max(self.most_owed, owed)
                waits = {"read": 0 if read else waits["read"] + 1, "write": 0 if write else waits["write"] + 1}
                busy = [waits["read"]] * self.reading + [waits["write"]] * self.writing
                self.longest_wait = max(self.longest_wait, *busy)
            assert violations(ctx, system.model) == {}

        background = [ask_read] * self.reading + [ask_write, supply] * self.writing
        simulate(system, count, deadline=self.cycles + 1000, background=tuple(background))

    @property
    def read_share(self) -> float:
        return self.read_beats * self.system.bus_bytes / 2 / self.cycles

    @property
    def write_share(self) -> float:
        return self.write_beats * self.system.bus_bytes / 2 / self.cycles


@pytest.mark.parametrize("bus_bytes", [2, 16])
def test_bandwidth_of_consecutive_reads(bus_bytes: int) -> None:
    load = Load(System(bus_bytes, LONG_ROWS), 5000)
    load.run()
    assert load.read_share >= 0.97
    assert load.most_owed == 1, "a refresh waits for no more than a burst"


def test_bandwidth_of_scattered_reads() -> None:
    load = Load(System(16, LONG_ROWS), 4000, rng=random.Random(SEED))
    load.run()
    assert load.read_share >= 0.94


def test_bandwidth_of_consecutive_writes() -> None:
    load = Load(System(16, LONG_ROWS), 4000, reading=False, writing=True)
    load.run()
    assert load.write_share >= 0.96
    assert load.most_owed == 1


@pytest.mark.parametrize(("bus_bytes", "least"), [(2, 0.85), (16, 0.95)])
def test_neither_direction_starves(bus_bytes: int, least: float) -> None:
    load = Load(System(bus_bytes, LONG_ROWS), 4000, writing=True)
    load.run()
    assert load.read_share + load.write_share >= least
    assert abs(load.read_share - load.write_share) < 0.05
    segment, row_change, refresh = BURST_BEATS * bus_bytes // 2, 20, 20
    assert load.longest_wait < segment + row_change + refresh + bus_bytes // 2
    assert load.most_owed == 1


def test_addresses_beyond_the_chip_are_refused() -> None:
    system = System(8)
    read, write = system.read, system.write
    far = 1 << 31

    async def bench(ctx: Any) -> None:
        ctx.set(system.model.memory.data[0], 0x1234)

        async def wrote(addr: int, beats: int, **changes: int) -> int:
            await request(ctx, write, "aw", addr, beats, **changes)
            for beat in range(beats):
                await send(ctx, write, 0xFFFF_FFFF_FFFF_FFFF, 0xFF, beat == beats - 1)
            return await acknowledge(ctx, write)

        async def responses(addr: int, beats: int, **changes: int) -> list[int]:
            await request(ctx, read, "ar", addr, beats, **changes)
            beats_read = [await receive(ctx, read) for _ in range(beats)]
            assert [last for _, _, last in beats_read] == [False] * (beats - 1) + [True]
            return [resp for _, resp, _ in beats_read]

        for addr in (SIZE, SIZE + 4096, far):
            assert await responses(addr, 3) == [RESPONSE_SLVERR] * 3
            assert await wrote(addr, 3) == RESPONSE_SLVERR
        for changes in ({"size": 2}, {"burst": 0}, {"burst": 2}):
            assert await responses(0, 2, **changes) == [RESPONSE_SLVERR] * 2
            assert await wrote(0, 2, **changes) == RESPONSE_SLVERR
        assert ctx.get(system.model.memory.data[0]) == 0x1234
        assert not any(ctx.get(system.model.memory.data[n]) for n in range(1, SMALL.words)), "nothing is written"

        # A burst that runs over the end: its write fails as a whole, its read from there on.
        assert await responses(SIZE - 8, 2) == [RESPONSE_OKAY, RESPONSE_SLVERR]
        assert await wrote(SIZE - 8, 2) == RESPONSE_SLVERR
        assert ctx.get(system.model.memory.data[0]) == 0x1234

        assert await responses(0, 1) == [RESPONSE_OKAY]
        assert await wrote(SIZE - 8, 1) == RESPONSE_OKAY
        assert ctx.get(system.model.memory.data[SMALL.words - 1]) == 0xFFFF
        assert violations(ctx, system.model) == {}

    simulate(system, bench, deadline=5000)


def test_longest_bursts() -> None:
    system = System(4)
    words = [random.Random(SEED).getrandbits(32) for _ in range(256)]

    async def bench(ctx: Any) -> None:
        await request(ctx, system.write, "aw", 1024, 256)
        for number, word in enumerate(words):
            await send(ctx, system.write, word, 0xF, number == 255)
        assert await acknowledge(ctx, system.write) == RESPONSE_OKAY
        await request(ctx, system.read, "ar", 1024, 256)
        assert [await receive(ctx, system.read) for _ in words] == [(w, 0, n == 255) for n, w in enumerate(words)]
        assert violations(ctx, system.model) == {}

    simulate(system, bench, deadline=5000)


def test_data_may_come_before_their_address() -> None:
    system = System(4)

    async def bench(ctx: Any) -> None:
        for number in range(2 * BURST_BEATS):
            await send(ctx, system.write, number, 0xF, number % BURST_BEATS == BURST_BEATS - 1)
        await ctx.tick().repeat(50)
        assert not ctx.get(system.write.bvalid)
        for burst in range(2):
            await request(ctx, system.write, "aw", burst * 64, BURST_BEATS)
        for _ in range(2):
            assert await acknowledge(ctx, system.write) == RESPONSE_OKAY
        assert [ctx.get(system.model.memory.data[2 * n]) for n in range(32)] == list(range(32))

    simulate(system, bench, deadline=3000)


def test_unread_beats_and_responses_are_kept() -> None:
    """A master that takes nothing stops the controller, which still refreshes, and loses nothing."""
    system = System(2)
    bursts, most_owed = 24, 0

    async def ask(ctx: Any) -> None:
        for number in range(bursts):
            await request(ctx, system.read, "ar", 32 * number, BURST_BEATS)

    async def order(ctx: Any) -> None:
        for number in range(bursts):
            await request(ctx, system.write, "aw", SIZE // 2 + 2 * number, 1)

    async def supply(ctx: Any) -> None:
        for number in range(bursts):
            await send(ctx, system.write, number, 3, True)

    async def late(ctx: Any) -> None:
        nonlocal most_owed
        for n in range(bursts * BURST_BEATS):
            ctx.set(system.model.memory.data[n], n)
        for _ in range(4000):
            owed = (await ctx.tick().sample(system.model.owed))[2]
            most_owed = max(most_owed, owed)
        assert [(await receive(ctx, system.read))[0] for _ in range(bursts * BURST_BEATS)] == list(
            range(bursts * BURST_BEATS)
        )
        assert [await acknowledge(ctx, system.write) for _ in range(bursts)] == [RESPONSE_OKAY] * bursts
        assert [ctx.get(system.model.memory.data[SMALL.words // 2 + n]) for n in range(bursts)] == list(range(bursts))
        assert violations(ctx, system.model) == {}

    simulate(system, ask, order, supply, late, deadline=9000)
    assert most_owed == 1


def test_latency_is_as_documented() -> None:
    for bus_bytes in (2, 16):
        system = System(bus_bytes)
        waits = []

        async def bench(ctx: Any, system: System = system, waits: list[int] = waits) -> None:
            await request(ctx, system.read, "ar", 0, 1)
            await receive(ctx, system.read)
            ctx.set(system.read.araddr, 0)
            ctx.set(system.read.arvalid, 1)
            ctx.set(system.read.rready, 1)
            for cycle in range(100):
                valid = (await ctx.tick().sample(system.read.rvalid))[2]
                ctx.set(system.read.arvalid, 0)
                if valid:
                    waits.append(cycle)
                    return

        simulate(system, bench, deadline=1000)
        assert waits == [SMALL.cas_latency + 10 + bus_bytes // 2]


def test_parameters_are_checked() -> None:
    assert_refused("bus_bytes must be 2, 4, 8 or 16, not 3", SdramController, SMALL, CLOCK_HZ, 3)
    narrow = replace(SMALL, columns=64)
    assert_refused("columns must be at least 128 for this bus, not 64", SdramController, narrow, CLOCK_HZ, 16)
    assert_refused("read_latency must be at least 1, not 0", SdramController, SMALL, CLOCK_HZ, 4, read_latency=0)
    assert_refused("clock_hz must be positive and at most 143000000, not", SdramController, SMALL, 200e6, 4)
