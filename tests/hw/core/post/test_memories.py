"""The post-processor's memories: what LOAD writes is read, LOAD gives way, the scrub clears."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hw.core.post.param_memory import ParamMemory
from hw.core.post.row_memory import RowMemory
from hw.core.post.table_memory import TableMemory
from hw.core.post.vector_memory import VectorMemory
from spec.config import AcceleratorConfig

CONFIG = AcceleratorConfig(rows=6, cols=3, lanes=3, acc_depth=4, param_words=8, tables=3, vector_kib=1)
SEED = 11


def simulate(dut: Any, bench: Callable[[Any], Any]) -> None:
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def draw(rng: np.random.Generator, value: Any) -> int:
    """Random bits for a signal."""
    return int.from_bytes(rng.bytes(64), "little") % (1 << len(Value.cast(value)))


async def load(ctx: Any, port: Any, addr: int, word: int) -> None:
    ctx.set(port.payload.addr, addr)
    ctx.set(Value.cast(port.payload.data), word)
    ctx.set(port.valid, 1)
    await ctx.tick().until(port.ready)
    ctx.set(port.valid, 0)


async def read(ctx: Any, port: Any, addr: int) -> int:
    ctx.set(port.addr, addr)
    ctx.set(port.en, 1)
    await ctx.tick()
    ctx.set(port.en, 0)
    ctx.set(port.addr, 0)
    await ctx.tick()
    return int(ctx.get(Value.cast(port.data)))


async def scrub(ctx: Any, dut: Any, depth: int) -> None:
    ctx.set(dut.scrub.en, 1)
    for addr in range(depth):
        ctx.set(dut.scrub.addr, addr)
        await ctx.tick()
    ctx.set(dut.scrub.en, 0)


def test_vector_memory() -> None:
    dut = VectorMemory(CONFIG)
    depth, rng = CONFIG.vector_words, np.random.default_rng(SEED)
    assert depth & (depth - 1), "the scrub must be seen to stop at the end"

    async def bench(ctx: Any) -> None:
        words = [draw(rng, dut.read.data) for _ in range(depth)]
        for addr, word in enumerate(words):
            await load(ctx, dut.load, addr, word)
        assert [await read(ctx, dut.read, addr) for addr in range(depth)] == words

        ctx.set(dut.write_en, 1)
        ctx.set(dut.write_mask, 0b101)
        ctx.set(dut.write_addr, 5)
        ctx.set(Value.cast(dut.write_data), 0xAAAA_BBBB_CCCC)
        ctx.set(dut.load.valid, 1)
        assert not ctx.get(dut.load.ready), "the post-processor's write goes first"
        await ctx.tick()
        ctx.set(dut.write_en, 0)
        ctx.set(dut.load.valid, 0)
        await ctx.tick()
        kept = words[5] & 0xFFFF_0000
        assert await read(ctx, dut.read, 5) == 0xAAAA_0000_CCCC | kept

        await scrub(ctx, dut, depth + 5)
        assert [await read(ctx, dut.read, addr) for addr in range(depth)] == [0] * depth

    simulate(dut, bench)


def test_param_memory() -> None:
    dut = ParamMemory(CONFIG)
    rng = np.random.default_rng(SEED)

    async def bench(ctx: Any) -> None:
        words = [draw(rng, dut.load.payload.data) for _ in range(CONFIG.param_words)]
        for addr, word in enumerate(words):
            await load(ctx, dut.load, addr, word)
        for addr, word in enumerate(words):
            for port, start, width in ((dut.bias, 0, 28), (dut.mul, 28, 18), (dut.mul2, 46, 18)):
                fields = [word >> (64 * lane + start) & ((1 << width) - 1) for lane in range(CONFIG.lanes)]
                assert await read(ctx, port, addr) == sum(x << (width * lane) for lane, x in enumerate(fields))

        await scrub(ctx, dut, CONFIG.param_words)
        for port in (dut.bias, dut.mul, dut.mul2):
            assert [await read(ctx, port, addr) for addr in range(CONFIG.param_words)] == [0] * CONFIG.param_words

    simulate(dut, bench)


def test_table_memory() -> None:
    dut = TableMemory(CONFIG)
    rng = np.random.default_rng(SEED)
    tables = rng.integers(0, 256, (CONFIG.tables, 2048))

    async def look_up(ctx: Any, table: int, index: list[int]) -> list[int]:
        ctx.set(dut.en, 1)
        ctx.set(dut.table, table)
        ctx.set(dut.index, index)
        await ctx.tick().repeat(2)
        return [int(ctx.get(dut.entry[lane])) for lane in range(CONFIG.lanes)]

    async def bench(ctx: Any) -> None:
        for addr, group in enumerate(tables.reshape(-1, 8)):
            await load(ctx, dut.load, addr, int.from_bytes(bytes(group.tolist()), "little"))
        for _ in range(200):
            table, index = int(rng.integers(CONFIG.tables)), rng.integers(0, 2048, CONFIG.lanes).tolist()
            assert await look_up(ctx, table, index) == tables[table, index].tolist()

        await scrub(ctx, dut, 512 * CONFIG.tables)
        for _ in range(50):
            assert await look_up(ctx, 2, rng.integers(0, 2048, CONFIG.lanes).tolist()) == [0] * CONFIG.lanes

    simulate(dut, bench)


@pytest.mark.parametrize("mask", [1, 2, 3])
def test_statistics_are_written_independently(mask: int) -> None:
    dut = RowMemory(CONFIG)

    async def write(ctx: Any, addr: int, mask: int, value: int) -> None:
        ctx.set(dut.write_a, mask & 1)
        ctx.set(dut.write_b, mask >> 1)
        ctx.set(dut.write_addr, addr)
        ctx.set(dut.write_data, {"a": value, "b": value})
        await ctx.tick()
        ctx.set(dut.write_a, 0)
        ctx.set(dut.write_b, 0)

    async def stats(ctx: Any, addr: int) -> tuple[int, int]:
        await read(ctx, dut.stats, addr)
        ctx.set(dut.unit_stats_addr, addr)
        await ctx.tick()
        a, b = int(ctx.get(dut.stats.data.a)), int(ctx.get(dut.stats.data.b))
        assert (a, b) == (int(ctx.get(dut.unit_stats_data.a)), int(ctx.get(dut.unit_stats_data.b)))
        return a, b

    async def bench(ctx: Any) -> None:
        for addr in range(CONFIG.acc_depth):
            await write(ctx, addr, 3, addr + 1)
        await write(ctx, 2, mask, 77)
        assert await stats(ctx, 1) == (2, 2)
        assert await stats(ctx, 2) == (77 if mask & 1 else 3, 77 if mask & 2 else 3)

        ctx.set(dut.unit_scalars_en, 1)
        ctx.set(dut.unit_scalars_addr, 3)
        ctx.set(dut.unit_scalars_data, {"mul": 99, "total": 63, "mean": -5})
        await ctx.tick()
        ctx.set(dut.unit_scalars_en, 0)
        await read(ctx, dut.scalars, 3)
        assert ctx.get(dut.scalars.data) == dut.scalars.data.shape().const({"mul": 99, "total": 63, "mean": -5})

        await scrub(ctx, dut, CONFIG.acc_depth)
        assert [await stats(ctx, addr) for addr in range(CONFIG.acc_depth)] == [(0, 0)] * CONFIG.acc_depth
        assert await read(ctx, dut.scalars, 3) == 0

    simulate(dut, bench)
