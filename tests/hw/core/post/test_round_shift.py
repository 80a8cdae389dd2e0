"""RoundShift against the arithmetic specification."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.post.round_shift import RoundShift
from spec.arithmetic import round_shift, saturate


@pytest.mark.parametrize(("width", "shift_bits"), [(33, 6), (36, 5), (37, 5), (20, 6)])
def test_matches_numerics_each_cycle(width: int, shift_bits: int) -> None:
    rng = np.random.default_rng(width)
    top = (1 << (width - 1)) - 1
    corners = [
        -top - 1,
        -top,
        -1,
        0,
        1,
        top,
        *(sign * ((1 << b) + d) for sign in (-1, 1) for b in (15, 17) for d in (-1, 0, 1)),
    ]
    drawn = [int(rng.integers(-top - 1, top + 1)) >> int(rng.integers(width)) for _ in range(600)]
    values = np.array(corners * 6 + drawn, np.int64)
    shifts = rng.integers(0, min(1 << shift_bits, 46), len(values))
    shifts[: len(corners)] = 0
    narrow = rng.integers(0, 2, len(values))
    expected = np.where(narrow, saturate(round_shift(values, shifts), 16), saturate(round_shift(values, shifts), 18))

    dut = RoundShift(width, shift_bits)
    results = []

    async def bench(ctx: Any) -> None:
        for cycle in range(len(values) + dut.LATENCY):
            if cycle < len(values):
                ctx.set(dut.i, int(values[cycle]))
                ctx.set(dut.shift, int(shifts[cycle]))
                ctx.set(dut.narrow, int(narrow[cycle]))
            if cycle >= dut.LATENCY:
                results.append(ctx.get(dut.o))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert np.array_equal(results, expected)
