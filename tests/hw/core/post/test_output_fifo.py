"""OutputFifo keeps order and never takes more than there is room for."""

from collections import deque
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.post.output_fifo import OutputFifo
from spec.config import AcceleratorConfig

CONFIG = AcceleratorConfig(rows=2, cols=2, lanes=2)
CHUNKS = 300
DELAY = 5  # cycles from a reservation to the chunk


@pytest.mark.parametrize("ready", [1.0, 0.5, 0.1])
def test_reserved_chunks_come_out_in_order(ready: float) -> None:
    dut = OutputFifo(CONFIG)
    rng = np.random.default_rng(int(10 * ready))
    chunks = [(rng.integers(-(1 << 31), 1 << 31, CONFIG.lanes).tolist(), int(rng.integers(2))) for _ in range(CHUNKS)]
    got: list[tuple[list[int], int]] = []
    transfers: list[int] = []

    async def bench(ctx: Any) -> None:
        waiting, under_way = deque(chunks), deque[Any]([None] * DELAY)
        cycle = 0
        while len(got) < CHUNKS:
            reserve = bool(ctx.get(dut.room)) and bool(waiting)
            ctx.set(dut.reserve, reserve)
            under_way.append(waiting.popleft() if reserve else None)
            chunk = under_way.popleft()
            ctx.set(dut.en, chunk is not None)
            if chunk:
                ctx.set(dut.data, chunk[0])
                ctx.set(dut.last, chunk[1])
            ctx.set(dut.o.ready, bool(rng.random() < ready))
            if ctx.get(dut.o.valid & dut.o.ready):
                payload = ctx.get(dut.o.payload)
                got.append((list(payload.data), payload.last))
                transfers.append(cycle)
            await ctx.tick()
            cycle += 1
            assert cycle < 30 * CHUNKS, "chunks are lost"

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert got == chunks
    if ready == 1.0:
        assert transfers[-1] - transfers[0] == CHUNKS - 1
