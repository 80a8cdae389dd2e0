"""The memory of any depth against a NumPy array."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

from gen.flow.ecp5 import ECP5
from gen.flow.synthesis import synthesize
from hw.core.memory.deep_memory import DeepMemory

LANES = 2
WORD = data.ArrayLayout(unsigned(8), LANES)


@pytest.mark.parametrize("depth", [1, 5, 1024, 1030, 1536, 2560, 3333, 4096])
def test_matches_numpy_at_any_depth(depth: int) -> None:
    rng = np.random.default_rng(depth)
    dut, memory = DeepMemory(WORD, depth), np.zeros((depth, LANES), int)
    borders = [addr for start in (0, 1024, 2048, 2560, 3072, depth) for addr in (start - 1, start)]
    pool = [addr for addr in borders if 0 <= addr < depth] + [int(addr) for addr in rng.integers(0, depth, 8)]

    async def bench(ctx: Any) -> None:
        for _ in range(300):
            write, read = (int(addr) for addr in rng.choice(pool, 2))
            word, enabled = rng.integers(0, 256, LANES), rng.integers(0, 2, LANES) * (write != read)
            ctx.set(dut.write_addr, write)
            ctx.set(dut.write_en, int(enabled @ (1 << np.arange(LANES))))
            for lane in range(LANES):
                ctx.set(dut.write_data[lane], int(word[lane]))
            ctx.set(dut.read_addr, read)
            await ctx.tick()
            assert [ctx.get(dut.read_data[lane]) for lane in range(LANES)] == list(memory[read])
            memory[write] = np.where(enabled, word, memory[write])
        assert [list(ctx.get(dut.data[addr])) for addr in pool] == [list(memory[addr]) for addr in pool]

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_takes_the_blocks_of_its_bits_and_a_choice_among_parts(tmp_path: Any) -> None:
    dut = DeepMemory(data.ArrayLayout(unsigned(16), 1), 7 * 1024)
    ports = {name: getattr(dut, name) for name in ("read_addr", "write_en", "write_addr")}
    ports |= {name: getattr(dut, name).as_value() for name in ("read_data", "write_data")}
    area = synthesize(ECP5, dut, ports, tmp_path)
    assert area.ebr == 7
    assert area.lut4 <= 16 * 2 + 8  # a choice of three for each bit, and which part is meant
