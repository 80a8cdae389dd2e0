"""The counter that another clock may look at."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.bus.gray_counter import GrayCounter


@pytest.mark.parametrize("bits", [2, 5])
def test_one_bit_changes_a_step_and_every_value_comes_once_a_round(bits: int) -> None:
    dut = GrayCounter(bits)
    rng = Random(bits)
    values: list[int] = []

    async def bench(ctx: Any) -> None:
        present = 0
        while len(values) < 3 << bits:
            assert ctx.get(dut.present) == present
            following, step = ctx.get(dut.following), rng.random() < 0.7
            assert (present ^ following).bit_count() == 1
            ctx.set(dut.step, step)
            if step:
                values.append(present)
                present = following
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    lap = values[: 1 << bits]
    assert sorted(lap) == list(range(1 << bits))
    assert values == 3 * lap
