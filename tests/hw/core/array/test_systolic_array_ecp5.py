"""The array of ECP5 primitives, with multipliers of both kinds, against NumPy."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hw.core.array.systolic_array import SystolicArray
from spec.config import AcceleratorConfig
from tests.hw.core.array.netlist import run_netlist


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog (apt install iverilog)")
@pytest.mark.parametrize(
    ("rows", "cols", "blocks"), [(1, 1, 1), (1, 1, 0), (3, 5, 7), (4, 4, 16), (5, 2, 0), (2, 4, 4096)]
)
def test_mixed_multipliers_equal_the_reference(rows: int, cols: int, blocks: int, tmp_path: Path) -> None:
    """Tiles back to back, of values at the ends and between; every sum in its very cycle."""
    dut = SystolicArray(AcceleratorConfig(rows=rows, cols=cols, lanes=1, dsp_multipliers=blocks))
    rng = np.random.default_rng(rows * 100 + cols)
    tiles = rng.choice([-128, -127, -1, 0, 1, 127, 77, -90], (6, rows, cols))
    cycles = cols * 7 + dut.OPERAND_LAG + dut.latency + cols
    weights, operands = rng.integers(-128, 128, (cycles, rows)), rng.integers(-128, 256, (cycles, rows))
    swap = np.zeros((cycles, 1), int)
    expected = {}
    for i, tile in enumerate(tiles):
        start = cols * (i + 1)
        swap[start] = 1
        weights[start - cols + 1 : start + 1] = tile.T[::-1]
        for first in range(start + dut.OPERAND_LAG, start + dut.OPERAND_LAG + cols):
            for c, value in enumerate(operands[first] @ tile):
                expected[first + dut.latency + c, c] = int(value)
    found = run_netlist(dut, {"operands": operands, "weights": weights, "swap": swap}, "sums", tmp_path)
    width = dut.sums.shape().elem_shape.width
    mask = (1 << width) - 1
    for (cycle, c), value in expected.items():
        assert found[cycle] >> (c * width) & mask == value & mask, f"cycle {cycle}, column {c}"
