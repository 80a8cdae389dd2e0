"""The serial CRC against zlib."""

import random
import zlib
from typing import Any

from hw.link.compact.serial_crc import SerialCrc
from tests.hw.link.streams import simulate


async def take(ctx: Any, dut: SerialCrc, byte: int) -> int:
    """Let it take a byte; return the cycles of that."""
    ctx.set(dut.byte, byte)
    ctx.set(dut.take, 1)
    cycles = 1
    while not ctx.get(dut.done):
        await ctx.tick()
        cycles += 1
    await ctx.tick()
    ctx.set(dut.take, 0)
    return cycles


async def begin(ctx: Any, dut: SerialCrc) -> None:
    ctx.set(dut.begin, 1)
    await ctx.tick()
    ctx.set(dut.begin, 0)


def test_matches_zlib_and_moves_out_by_its_own_bytes() -> None:
    dut, rng = SerialCrc(), random.Random(1)

    async def bench(ctx: Any) -> None:
        for size in (0, 1, 2, 9, 30):
            data = rng.randbytes(size)
            await begin(ctx, dut)
            for byte in data:
                assert await take(ctx, dut, byte) == 8
                await ctx.tick().repeat(rng.randint(1, 3))
            moved = []
            for _ in range(4):
                moved.append(ctx.get(dut.low) ^ 0xFF)
                await take(ctx, dut, ctx.get(dut.low))
            assert int.from_bytes(bytes(moved), "little") == zlib.crc32(data)

    simulate(dut, bench)


def test_residue_is_that_of_every_frame() -> None:
    dut = SerialCrc()

    async def bench(ctx: Any) -> None:
        for data in (b"", b"one", bytes(7)):
            await begin(ctx, dut)
            for byte in data + zlib.crc32(data).to_bytes(4, "little"):
                await take(ctx, dut, byte)
            for expected in (0xE3, 0x20, 0xBB, 0xDE):
                assert ctx.get(dut.low) == expected
                await take(ctx, dut, expected)

    simulate(dut, bench)
