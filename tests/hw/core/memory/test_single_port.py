"""SinglePort against a list."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hw.core.memory.single_port import SinglePort


@pytest.mark.parametrize(("n_bytes", "depth"), [(2, 5), (4, 16), (1, 1)])
def test_reads_see_earlier_writes(n_bytes: int, depth: int) -> None:
    dut, rng = SinglePort(n_bytes=n_bytes, depth=depth), np.random.default_rng(n_bytes)

    async def bench(ctx: Any) -> None:
        content = [[0] * n_bytes for _ in range(depth)]
        for _ in range(200):
            addr, mask = int(rng.integers(depth)), int(rng.integers(1 << n_bytes)) if rng.random() < 0.5 else 0
            word = [int(byte) for byte in rng.integers(0, 256, n_bytes)]
            en = bool(rng.random() < 0.8)
            ctx.set(dut.en, en)
            ctx.set(dut.addr, addr)
            ctx.set(dut.mask, mask)
            ctx.set(Value.cast(dut.i), int.from_bytes(bytes(word), "little"))
            await ctx.tick()
            if en and mask:
                content[addr] = [word[k] if mask >> k & 1 else content[addr][k] for k in range(n_bytes)]
            elif en:
                assert [ctx.get(dut.o[k]) for k in range(n_bytes)] == content[addr]

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
