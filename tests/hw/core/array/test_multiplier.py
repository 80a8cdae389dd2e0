"""Every form of the multiplier against the product, for all operands."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gen.flow.target import Target
from hw.core.array.multiplier import PRODUCT, Multiplier
from tests.hw.core.array.netlist import run_netlist


class Alone(wiring.Component):
    def __init__(self, *, dsp: bool) -> None:
        self._dsp = dsp
        super().__init__({"operand": In(9), "weight": In(8), "product": Out(PRODUCT)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        multiplier = Multiplier(platform, dsp=self._dsp)
        product = multiplier.multiply(m, "0", self.operand.as_signed(), self.weight.as_signed())
        m.d.comb += self.product.eq(product)
        return m


class Generic:
    """A platform without primitives."""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog (apt install iverilog)")
@pytest.mark.parametrize("platform", [Target("ecp5"), Generic()], ids=["ecp5", "generic"])
@pytest.mark.parametrize("dsp", [False, True])
def test_equals_the_product_of_all_operands(platform: Any, dsp: bool, tmp_path: Path) -> None:
    latency = Multiplier(platform, dsp=dsp).latency
    a, b = (x.ravel() for x in np.meshgrid(np.arange(-256, 256), np.arange(-128, 128)))
    padding = np.zeros(latency, int)
    inputs = {"operand": np.r_[a, padding][:, None], "weight": np.r_[b, padding][:, None]}
    found = run_netlist(Alone(dsp=dsp), inputs, "product", tmp_path, platform=platform)
    # Only -256 times -128 needs a seventeenth bit; 9-bit operands of the array are at least -128.
    np.testing.assert_array_equal(np.array(found[latency:]), (a * b) & 0xFFFF)


def test_no_form_is_later_than_the_latency() -> None:
    for platform in (None, Target("ecp5")):
        for dsp in (False, True):
            assert 1 <= Multiplier(platform, dsp=dsp).latency <= Multiplier.LATENCY
