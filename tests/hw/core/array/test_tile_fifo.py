"""The queue of tiles against a deque."""

from collections import deque
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.array.tile_fifo import TileFifo
from spec.config import AcceleratorConfig


@pytest.mark.parametrize(("cols", "depth"), [(1, 2), (2, 4), (3, 6), (3, 11), (4, 4)])
def test_matches_a_deque(cols: int, depth: int) -> None:
    rng = np.random.default_rng(depth)
    dut = TileFifo(AcceleratorConfig(rows=2, cols=cols, lanes=1, weight_fifo_words=2 * cols), depth=depth)

    async def bench(ctx: Any) -> None:
        words: deque[list[int]] = deque()
        unclaimed = claimed = full = 0
        stored = False
        due = None
        for _ in range(600):
            if due is not None:
                assert [ctx.get(dut.o.word[i]) for i in range(2)] == due
            word = [int(x) for x in rng.integers(0, 256, 2)]
            push = bool(rng.random() < 0.7)
            ctx.set(dut.i.valid, push)
            ctx.set(dut.i.payload, word)
            assert ctx.get(dut.free) == depth - len(words)
            assert ctx.get(dut.i.ready) == (len(words) < depth)
            assert ctx.get(dut.o.stored) == stored
            claim = stored and bool(rng.random() < 0.5)
            stored = unclaimed >= cols and not claim
            pop = claimed > 0 and bool(rng.random() < 0.7)
            ctx.set(dut.o.claim, claim)
            ctx.set(dut.o.pop, pop)

            full += len(words) == depth
            push = push and len(words) < depth
            due = words.popleft() if pop else None
            if push:
                words.append(word)
            unclaimed += push - cols * claim
            claimed += cols * claim - pop
            await ctx.tick()
        assert full > 0

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
