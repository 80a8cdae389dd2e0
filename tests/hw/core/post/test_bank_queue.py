"""The queue of full accumulator banks against a count."""

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.core.post.bank_queue import BankQueue
from spec.config import AcceleratorConfig


@pytest.mark.parametrize("banks", [2, 3, 4])
def test_banks_come_in_turn_and_are_freed_in_turn(banks: int) -> None:
    dut = BankQueue(AcceleratorConfig(rows=4, cols=4, lanes=4, acc_banks=banks))
    rng = random.Random(banks)

    async def bench(ctx: Any) -> None:
        full = taken = most = 0
        freed = False
        for _ in range(500):
            assert ctx.get(dut.freed) == freed
            assert ctx.get(dut.bank.valid) == (full > 0)
            if full:
                assert ctx.get(dut.bank.payload) == taken % banks
            fills, takes = full < banks and rng.random() < 0.5, rng.random() < 0.5
            ctx.set(dut.filled, fills)
            ctx.set(dut.bank.ready, takes)
            await ctx.tick()
            freed = takes and full > 0
            taken += freed
            full += fills - freed
            most = max(most, full)
        assert most == banks

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
