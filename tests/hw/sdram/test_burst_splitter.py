"""Bursts are cut where rows may end, and wrong ones are marked."""

import random
from typing import Any

import pytest

from hw.bus.axi import BURST_INCR
from hw.sdram.burst_splitter import BurstSplitter
from spec.axi import BURST_BEATS
from spec.sdram_chip import SdramChip
from tests.hw.refusal import assert_refused
from tests.hw.sdram.system import SMALL, handshake, simulate

SEED = 3
SIZE = 2 * SMALL.words


def expected(addr: int, beats: int, bus_bytes: int, malformed: bool) -> list[tuple[int, ...]]:
    """Bank, row, column, beats, last and error of each segment."""
    segments, addr = [], addr - addr % bus_bytes
    while beats:
        part = min(beats, BURST_BEATS - addr // bus_bytes % BURST_BEATS)
        word = addr // 2
        column, bank, row = (
            word % SMALL.columns,
            word // SMALL.columns % SMALL.banks,
            word // SMALL.columns // SMALL.banks,
        )
        beats -= part
        segments.append((bank, row % SMALL.rows, column, part, beats == 0, malformed or addr >= SIZE))
        addr += part * bus_bytes
    return segments


@pytest.mark.parametrize("bus_bytes", [2, 4, 8, 16])
def test_matches_reference_under_backpressure(bus_bytes: int) -> None:
    rng = random.Random(SEED)
    dut = BurstSplitter(SMALL, bus_bytes)
    size = bus_bytes.bit_length() - 1
    bursts = [(0, 1, size, BURST_INCR), (SIZE - bus_bytes, 2, size, BURST_INCR), (1 << 31, 256, size, BURST_INCR)]
    bursts += [(64, 4, size ^ 1, BURST_INCR), (64, 4, size, 0b10)]
    for _ in range(60):
        bursts.append((rng.randrange(SIZE), rng.choice([1, 2, 15, 16, 17, 256]), size, BURST_INCR))
    wanted = [
        segment
        for addr, beats, size_field, burst in bursts
        for segment in expected(addr, beats, bus_bytes, size_field != size or burst != BURST_INCR)
    ]

    async def source(ctx: Any) -> None:
        for addr, beats, size_field, burst in bursts:
            ctx.set(dut.i.payload, {"addr": addr, "len": beats - 1, "size": size_field, "burst": burst})
            await handshake(ctx, dut.i.valid, dut.i.ready)

    async def sink(ctx: Any) -> None:
        o = dut.o.payload
        for number, segment in enumerate(wanted):
            await ctx.tick().repeat(rng.choice([1, 1, 1, 5]))
            bank, row, column, length, last, error = await handshake(
                ctx, dut.o.ready, dut.o.valid, o.bank, o.row, o.column, o.len, o.last, o.error
            )
            assert (bank, row, column, length + 1, last, error) == segment, f"segment {number}, seed {SEED}"

    simulate(dut, source, sink, deadline=20_000)


def test_bus_must_fit() -> None:
    assert_refused("bus_bytes must be 2, 4, 8 or 16, not 32", BurstSplitter, SMALL, 32)
    assert_refused("columns must be at least 128 for this bus, not 64", BurstSplitter, SdramChip(columns=64), 16)
