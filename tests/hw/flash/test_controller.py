"""The controller with its chip: bring-up from any state, how long reads take, when the clock runs, what is refused."""

import random
from typing import Any

import pytest
from amaranth.hdl import Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import wiring

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR
from hw.flash.controller import QspiFlash
from sim.chips.flash import FlashModel
from spec.axi import BURST_BEATS
from spec.flash_chip import ICEBREAKER_FLASH, FlashChip
from tests.hw.flash.system import BRING_UP_CYCLES, CLOCK_HZ, violations
from tests.hw.refusal import assert_refused
from tests.hw.sdram.system import receive, request, simulate

SEED = 5
CHIP = FlashChip(size=1 << 10)
DATA = random.Random(SEED).randbytes(CHIP.size)
BEAT = 4


class Flash(Elaboratable):
    """The controller, which ``reset`` resets, with the model at its pins, and no RAM."""

    def __init__(self, chip: FlashChip = CHIP, *, half_rate: bool = False, **options: Any) -> None:
        self.controller = QspiFlash(chip, CLOCK_HZ, half_rate=half_rate)
        self.model = FlashModel(chip, CLOCK_HZ, half_rate=half_rate, init=DATA, **options)
        self.read, self.pins = self.controller.axi_read, self.controller.pins
        self.reset = Signal()

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.controller = ResetInserter(self.reset)(self.controller)
        m.submodules.model = self.model
        wiring.connect(m, self.controller.pins, self.model.pins)
        return m


def beats(addr: int, count: int) -> list[tuple[int, int, bool]]:
    """What a burst must bring."""
    words = [DATA[(addr + BEAT * n) % CHIP.size :][:BEAT] for n in range(count)]
    return [(int.from_bytes(word, "little"), RESPONSE_OKAY, n == count - 1) for n, word in enumerate(words)]


async def read(ctx: Any, flash: Flash, addr: int, count: int) -> list[tuple[int, int, bool]]:
    await request(ctx, flash.read, "ar", addr, count)
    return [await receive(ctx, flash.read) for _ in range(count)]


@pytest.mark.parametrize("half_rate", [False, True])
@pytest.mark.parametrize("quad_enabled", [False, True])
@pytest.mark.parametrize(
    "state", [{"powered_down": True}, {"powered_down": False}, {"powered_down": False, "continuous": True}]
)
def test_brought_up_from_any_state(half_rate: bool, quad_enabled: bool, state: dict[str, bool]) -> None:
    chip = FlashChip(size=CHIP.size, quad_enabled=quad_enabled or state.get("continuous", False))
    flash = Flash(chip, half_rate=half_rate, **state)

    async def bench(ctx: Any) -> None:
        for addr, count in ((0x40, 3), (0x200, 1), (0, 16)):
            assert await read(ctx, flash, addr, count) == beats(addr, count)
        assert violations(ctx, flash.model) == {}

    simulate(flash, bench, deadline=BRING_UP_CYCLES)


def test_reset_at_any_time() -> None:
    """Whatever was being done, the chip is brought up again; a command may be cut short, but nothing else is wrong."""
    flash = Flash()
    rng = random.Random(SEED)
    resets = 15

    async def bench(ctx: Any) -> None:
        for number in range(resets):
            addr = rng.randrange(CHIP.size // 4 - BURST_BEATS) * BEAT
            assert await read(ctx, flash, addr, 5) == beats(addr, 5), f"after reset {number}, seed {SEED}"
            addr = rng.randrange(CHIP.size // 4 - BURST_BEATS) * BEAT
            ctx.set(flash.read.rready, 1)
            await request(ctx, flash.read, "ar", addr, BURST_BEATS)
            await ctx.tick().repeat(rng.choice([rng.randrange(1, 160), rng.randrange(1, 8)]))
            for _ in range(rng.choice([1, 1, 2])):
                ctx.set(flash.reset, 1)
                await ctx.tick().repeat(rng.choice([1, 5]))
                ctx.set(flash.reset, 0)
                await ctx.tick().repeat(rng.choice([1, 2, rng.randrange(1, 800)]))
            ctx.set(flash.read.rready, 0)
        assert violations(ctx, flash.model).keys() <= {"cut_short"}

    simulate(flash, bench, deadline=2 * resets * BRING_UP_CYCLES)


class Stream:
    """Bursts one behind the other as fast as they are taken; counts cycles from the first beat to the last."""

    def __init__(self, flash: Flash, lengths: list[int], pauses: list[int] | None = None) -> None:
        self.flash, self.lengths = flash, lengths
        self.pauses = pauses or [0] * len(lengths)
        self.cycles = self.clocks = self.selections = 0

    async def ask(self, ctx: Any) -> None:
        addr = 0
        for count, pause in zip(self.lengths, self.pauses, strict=True):
            if pause:
                await ctx.tick().repeat(pause)
            await request(ctx, self.flash.read, "ar", addr, count)
            addr += BEAT * count

    async def collect(self, ctx: Any) -> None:
        flash, addr, first = self.flash, 0, True
        ctx.set(flash.read.rready, 1)
        for count in self.lengths:
            found = []
            while len(found) < count:
                _, _, valid, clock, *beat = await ctx.tick().sample(
                    flash.read.rvalid, flash.pins.sck_en, flash.read.rdata, flash.read.rresp, flash.read.rlast
                )
                self.cycles += not first
                if valid and first:
                    self.selections = ctx.get(flash.model.selections)
                    first = False
                self.clocks += clock and not first
                if valid:
                    found.append((int(beat[0]), int(beat[1]), bool(beat[2])))
            assert found == beats(addr, count)
            addr += BEAT * count
        self.selections = ctx.get(flash.model.selections) - self.selections
        assert violations(ctx, flash.model) == {}

    def run(self) -> None:
        simulate(self.flash, self.ask, self.collect, deadline=2 * BRING_UP_CYCLES + sum(self.pauses) + 8000)


@pytest.mark.parametrize(("half_rate", "beat_cycles"), [(False, 8), (True, 16)])
def test_consecutive_bursts_need_no_time_between_them(half_rate: bool, beat_cycles: int) -> None:
    stream = Stream(Flash(half_rate=half_rate), [16, 16, 1, 1, 2, 7, 16, 16, 16])
    stream.run()
    assert stream.cycles == beat_cycles * (sum(stream.lengths) - 1), "half a byte a cycle, or a quarter"
    assert stream.selections == 0


def test_clock_stands_while_nothing_is_wanted() -> None:
    stream = Stream(Flash(), [2, 3, 1, 16], pauses=[0, 500, 333, 777])
    stream.run()
    assert stream.clocks == 8 * (sum(stream.lengths) - 1), "exactly those that data take"
    assert stream.selections == 0


def test_address_that_differs_in_one_bit_from_the_next_is_another() -> None:
    flash = Flash()

    async def bench(ctx: Any) -> None:
        for bit in range(2, 10):
            assert await read(ctx, flash, 0x13C, 1) == beats(0x13C, 1)
            selections = ctx.get(flash.model.selections)
            assert await read(ctx, flash, 0x140 ^ 1 << bit, 1) == beats(0x140 ^ 1 << bit, 1)
            assert ctx.get(flash.model.selections) == selections + 1
        assert violations(ctx, flash.model) == {}

    simulate(flash, bench, deadline=2 * BRING_UP_CYCLES)


def test_reads_go_on_round_the_end_of_the_chip() -> None:
    flash = Flash()

    async def bench(ctx: Any) -> None:
        addr = CHIP.size - 4 * BEAT
        assert await read(ctx, flash, addr, 4) == beats(addr, 4)
        selections = ctx.get(flash.model.selections)
        assert await read(ctx, flash, 0, 4) == beats(0, 4)
        assert ctx.get(flash.model.selections) == selections
        assert violations(ctx, flash.model) == {}

    simulate(flash, bench, deadline=BRING_UP_CYCLES)


@pytest.mark.parametrize(("half_rate", "latencies"), [(False, [22, 22, 9]), (True, [42, 42, 17])])
def test_latencies(half_rate: bool, latencies: list[int]) -> None:
    flash = Flash(half_rate=half_rate)
    found = []

    async def bench(ctx: Any) -> None:
        await read(ctx, flash, 0, 1)
        ctx.set(flash.read.rready, 1)
        for addr in (64, 128, 132):
            await ctx.tick().repeat(20)
            cycles = 0
            ctx.set(flash.read.araddr, addr)
            ctx.set(flash.read.arvalid, 1)
            valid = ready = False
            while not valid:
                _, _, ready, valid = await ctx.tick().sample(flash.read.arready, flash.read.rvalid)
                cycles += 1
                if ready:
                    ctx.set(flash.read.arvalid, 0)
            found.append(cycles - 1)

    simulate(flash, bench, deadline=BRING_UP_CYCLES)
    assert found == latencies


@pytest.mark.parametrize("stall", [0.1, 0.9])
def test_beats_that_are_not_taken_stop_the_clock(stall: float) -> None:
    flash = Flash()
    rng = random.Random(SEED)
    bursts = [(rng.randrange(200) * BEAT, rng.choice([1, 2, 16])) for _ in range(20)]
    bursts += [(256 + 64 * n, 16) for n in range(4)]

    async def ask(ctx: Any) -> None:
        for addr, count in bursts:
            await request(ctx, flash.read, "ar", addr, count)

    async def collect(ctx: Any) -> None:
        for addr, count in bursts:
            for beat in beats(addr, count):
                while rng.random() < stall:
                    await ctx.tick()
                assert await receive(ctx, flash.read) == beat, f"burst at {addr:#x}, seed {SEED}"
        assert violations(ctx, flash.model) == {}

    simulate(flash, ask, collect, deadline=20_000)


@pytest.mark.parametrize("addr", [CHIP.size, CHIP.size + 4, 1 << 24, 1 << 31])
def test_without_a_ram_other_addresses_are_refused(addr: int) -> None:
    flash = Flash()

    async def bench(ctx: Any) -> None:
        for _ in range(2):  # the first one may come before the chip is brought up
            found = await read(ctx, flash, addr, 3)
            assert [beat[1:] for beat in found] == [(RESPONSE_SLVERR, n == 2) for n in range(3)]
            assert await read(ctx, flash, 32, 3) == beats(32, 3)
            selections = ctx.get(flash.model.selections)
            await read(ctx, flash, addr, 1)
            assert await read(ctx, flash, 44, 2) == beats(44, 2)
            assert ctx.get(flash.model.selections) == selections, "the read before is continued"
        assert violations(ctx, flash.model) == {}

    simulate(flash, bench, deadline=2 * BRING_UP_CYCLES)


@pytest.mark.parametrize(
    ("clock_hz", "half_rate", "most"), [(0.0, False, 42666667), (43e6, False, 42666667), (86e6, True, 85333333)]
)
def test_impossible_clocks_are_refused(clock_hz: float, half_rate: bool, most: int) -> None:
    message = f"^clock_hz must be positive and at most {most}, not {clock_hz}$"
    assert_refused(message, QspiFlash, ICEBREAKER_FLASH, clock_hz, half_rate=half_rate)
