"""The flow for ECP5: counts and messages."""

from pathlib import Path

import pytest

from gen import nextpnr
from gen.ecp5 import Area, Device, place_and_route, synthesize
from hw.array.systolic_array import SystolicArray
from hw.config import AcceleratorConfig


def test_carry_cells_and_memories_count_as_look_up_tables() -> None:
    area = Area.from_cells({"LUT4": 5, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 7, "PFUMX": 9})
    assert area == Area(lut4=5, ccu2c=3, ram=2, ff=7, dsp=0, ebr=0)
    assert area.lut_eq == 5 + 6 + 12


def test_devices() -> None:
    with pytest.raises(ValueError, match=r"^size must be one of 25k, 45k, 85k, not '12f'$"):
        Device(size="12f")
    with pytest.raises(ValueError, match=r"^speed must be 6, 7 or 8, not 9$"):
        Device(speed=9)


def test_absent_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nextpnr.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(RuntimeError, match=r"^nextpnr is not installed; install it with: pip install -e '\.\[fpga\]'$"):
        place_and_route(tmp_path, Device())


@pytest.mark.parametrize("blocks", [16, 5])
def test_array_takes_no_more_than_counted(blocks: int, tmp_path: Path) -> None:
    array = SystolicArray(AcceleratorConfig(rows=4, cols=4, dsp_multipliers=blocks))
    ports = {name: getattr(array, name) for name in ("operands", "weights", "sums")}
    named = {name: port.as_value() for name, port in ports.items()} | {"swap": array.swap}
    area = synthesize(array, named, tmp_path)
    assert area.dsp == blocks
    assert area.lut_eq <= 22 * 16 + 82 * (16 - blocks)
