"""The array alone against NumPy."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.array.systolic_array import SystolicArray
from spec.config import AcceleratorConfig

SHAPES = [(1, 1), (1, 4), (2, 2), (3, 5), (4, 8), (8, 4), (7, 2)]


def run(rows: int, cols: int, lengths: list[int], seed: int, extremes: bool = False) -> None:
    """Stream tiles of the given lengths back to back and check every sum in its very cycle."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[cols], cols + np.cumsum(np.maximum(lengths, cols))])
    tiles = [rng.integers(-128, 128, (rows, cols)) for _ in lengths]
    blocks = [rng.integers(-128, 256, (m, rows)) for m in lengths]
    if extremes:
        tiles = [np.where(t < 0, -128, 127) for t in tiles]
        blocks = [np.where(b < 64, -128, 255) for b in blocks]
    dut = SystolicArray(AcceleratorConfig(rows=rows, cols=cols, lanes=1))

    total = int(starts[-1]) + dut.latency + cols + 2
    weights = rng.integers(-128, 128, (total, rows))
    operands = rng.integers(-128, 256, (total, rows))
    swap = np.zeros(total, int)
    expected: dict[tuple[int, int], int] = {}
    for start, tile, block in zip(starts, tiles, blocks, strict=False):
        swap[start] = 1
        weights[start - cols + 1 : start + 1] = tile.T[::-1]
        first = start + dut.OPERAND_LAG
        operands[first : first + len(block)] = block
        for (m, c), value in np.ndenumerate(block @ tile):
            expected[int(first + m + dut.latency + c), c] = int(value)

    async def bench(ctx) -> None:
        for cycle in range(total):
            ctx.set(dut.weights, [int(x) for x in weights[cycle]])
            ctx.set(dut.operands, [int(x) for x in operands[cycle]])
            ctx.set(dut.swap, int(swap[cycle]))
            sums = ctx.get(dut.sums)
            for c in range(cols):
                if (cycle, c) in expected:
                    assert sums[c] == expected.pop((cycle, c)), f"cycle {cycle}, column {c}, seed {seed}"
            await ctx.tick()
        assert not expected

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_tiles_follow_without_a_bubble(rows: int, cols: int) -> None:
    run(rows, cols, [cols, cols, cols + 3, cols, 2 * cols], seed=rows * 100 + cols)


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_short_tiles_keep_their_weights(rows: int, cols: int) -> None:
    run(rows, cols, [1, cols, 1, 1, max(cols - 1, 1), 2 * cols], seed=rows * 100 + cols)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (4, 3), (5, 2)])
def test_sums_are_wide_enough_for_the_extremes(rows: int, cols: int) -> None:
    run(rows, cols, [20, 20], seed=7, extremes=True)


def test_largest_sums_of_either_sign() -> None:
    """All rows at 255 times -128, then 255 times 127."""
    config = AcceleratorConfig(rows=8, cols=1, lanes=1)
    for weight in (-128, 127):
        dut = SystolicArray(config)

        async def bench(ctx, dut: SystolicArray = dut, weight: int = weight) -> None:
            ctx.set(dut.weights, [weight] * 8)
            ctx.set(dut.operands, [255] * 8)
            ctx.set(dut.swap, 1)
            await ctx.tick().repeat(dut.OPERAND_LAG + dut.latency)
            assert ctx.get(dut.sums[0]) == 8 * 255 * weight

        sim = Simulator(dut)
        sim.add_clock(1e-6)
        sim.add_testbench(bench)
        sim.run()
