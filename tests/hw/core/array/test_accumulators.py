"""The accumulators behind sums that are wider than an array's, so that 32 bits are not enough."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import signed
from amaranth.sim import Simulator

from hw.core.array.accumulators import Accumulators
from spec.config import AcceleratorConfig


@pytest.mark.parametrize(("cols", "lanes", "banks"), [(1, 1, 2), (3, 1, 2), (4, 2, 3), (5, 5, 8)])
def test_sums_wrap_and_banks_go_round(cols: int, lanes: int, banks: int) -> None:
    rng = np.random.default_rng(cols)
    config = AcceleratorConfig(rows=lanes, cols=cols, lanes=lanes, acc_banks=banks, acc_depth=8)
    dut = Accumulators(config, sum_shape=signed(32))
    rows, passes, fills = 4, 3, 2 * banks + 1
    blocks = rng.integers(-(1 << 31), 1 << 31, (fills, passes, rows, cols))
    blocks[0, :, :2] = [[-(1 << 31)], [(1 << 31) - 1]]
    expected = (blocks.sum(axis=1) + (1 << 31)) % (1 << 32) - (1 << 31)
    lead, last = dut.TOKEN_LEAD, passes * rows - 1

    async def bench(ctx: Any) -> None:
        for fill in range(fills):
            flat = blocks[fill].reshape(-1, cols)
            for cycle in range(last + cols + 4):
                valid = cycle < len(flat)
                ctx.set(
                    dut.token,
                    {
                        "valid": valid,
                        "first": valid and cycle % rows == 0,
                        "clear": valid and cycle < rows,
                        "release": cycle == last,
                        "done": cycle == last,
                    },
                )
                for c in range(cols):
                    row = cycle - lead - c
                    ctx.set(dut.sums[c], int(flat[row, c] if 0 <= row < len(flat) else rng.integers(1 << 31)))
                # Announced exactly when the docstring says, and not before.
                assert ctx.get(dut.done) == 0
                assert ctx.get(dut.filled) == 0
                await ctx.tick()
            assert ctx.get(dut.done) == 1
            assert ctx.get(dut.filled) == 1
            ctx.set(dut.token, {"valid": 0, "first": 0, "clear": 0, "release": 0, "done": 0})
            for m in range(rows):
                for j in range(config.chunks_per_tile):
                    for name, value in {"en": 1, "bank": fill % banks, "row": m, "chunk": j}.items():
                        ctx.set(getattr(dut.acc_read, name), value)
                    await ctx.tick()
                    ctx.set(dut.acc_read.en, 0)
                    await ctx.tick().repeat(2)
                    got = [ctx.get(dut.acc_read.data[i]) for i in range(lanes)]
                    assert got == list(expected[fill, m, j * lanes : (j + 1) * lanes])

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
