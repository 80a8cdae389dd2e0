"""The queue of bytes against a deque."""

import random
from typing import Any

import pytest

from hw.link.compact.byte_fifo import ByteFifo
from tests.hw.link.streams import simulate, source, take


@pytest.mark.parametrize(("stall_in", "stall_out"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.8), (0.5, 0.5)])
def test_order_is_kept(stall_in: float, stall_out: float) -> None:
    dut, data = ByteFifo(8), random.Random(2).randbytes(100)

    async def bench(ctx: Any) -> None:
        assert bytes(await take(ctx, dut.o, len(data), random.Random(3), stall_out)) == data

    simulate(dut, bench, source(dut.i, data, random.Random(4), stall_in))


def test_holds_as_many_as_it_says_and_no_more() -> None:
    dut, taken = ByteFifo(8), 0

    async def bench(ctx: Any) -> None:
        nonlocal taken
        ctx.set(dut.i.valid, 1)
        for _ in range(20):
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            taken += ready

    simulate(dut, bench)
    assert taken == 8


def test_latency_and_throughput_are_as_documented() -> None:
    dut = ByteFifo(8)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        await ctx.tick().repeat(4)
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.o.ready, 1)
        valid = []
        for _ in range(8):
            valid.append(ctx.get(dut.o.valid))
            await ctx.tick()
        assert valid == [1, 0, 1, 0, 1, 0, 1, 0]
        ctx.set(dut.i.valid, 1)
        await ctx.tick()
        ctx.set(dut.i.valid, 0)
        assert not ctx.get(dut.o.valid)
        await ctx.tick()
        assert ctx.get(dut.o.valid)

    simulate(dut, bench)
