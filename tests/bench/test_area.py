"""Area on an ECP5: units, figures, and that the committed counts do not grow."""

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Fragment

from bench import area
from bench.results import load_results
from bench.units import UNITS, ports_of
from spec.presets import PRESETS

CHIP = "chip 8x8"


def committed(unit: str) -> dict[str, Any]:
    rows = load_results()["area"]["units"]
    return next(row for row in rows if (row["chip"], row["unit"]) == (CHIP, unit))


def test_ports_leave_out_constants() -> None:
    unit = UNITS["read_master"](PRESETS["tiny"])
    ports = ports_of(unit)
    Fragment.get(unit, None)  # or Amaranth warns that it was made for nothing
    assert "ports__0__burst__valid" in ports
    assert "ports__0__beat__ready" not in ports


@pytest.mark.parametrize("unit", ["array", "dispatcher", "sequencer", "write_master"])
def test_unit_takes_no_more_cells_than_committed(unit: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(area, "BUILD", tmp_path)
    found = dict(area.measure_unit(unit, chips=(CHIP,)))[CHIP]
    before = committed(unit)
    assert found.dsp <= before["dsp"]
    assert found.ebr <= before["ebr"]
    assert found.lut_eq <= before["lut_eq"]


def test_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^unit must be one of chip, array, .*, not 'alu'$"):
        area.measure_unit("alu")
