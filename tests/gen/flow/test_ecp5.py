"""The flow for ECP5: counts and messages."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from gen.flow import ecp5, nextpnr
from gen.flow.ecp5 import ECP5, Area, Device
from gen.flow.synthesis import synthesize
from hw.core.array.systolic_array import SystolicArray
from spec.config import AcceleratorConfig


def test_carry_cells_and_memories_count_as_look_up_tables() -> None:
    area = Area.from_cells({"LUT4": 5, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 7, "PFUMX": 9})
    assert area == Area(lut4=5, ccu2c=3, ram=2, ff=7, dsp=0, ebr=0)
    assert area.lut_eq == 5 + 6 + 12


def test_devices() -> None:
    with pytest.raises(ValueError, match=r"^size must be one of 12k, 25k, 45k, 85k, not '12f'$"):
        Device(size="12f")
    with pytest.raises(ValueError, match=r"^speed must be 6, 7 or 8, not 9$"):
        Device(speed=9)


@pytest.mark.parametrize("size", ["12", "25", "45", "85"])
def test_every_fpga_of_the_family_is_a_device(size: str) -> None:
    platform = SimpleNamespace(device=f"LFE5U-{size}F", speed="6", package="BG381")
    assert Device.of(platform) == Device(size=f"{size}k", speed=6, package="CABGA381")


def test_absent_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nextpnr.importlib.util, "find_spec", lambda _name: None)
    message = r"^nextpnr is not installed; install it with: pip install -c constraints.txt -e '\.\[fpga\]'$"
    with pytest.raises(RuntimeError, match=message):
        ECP5.place_and_route(tmp_path, Device())


@pytest.mark.parametrize("blocks", [16, 5])
def test_array_takes_no_more_than_counted(blocks: int, tmp_path: Path) -> None:
    array = SystolicArray(AcceleratorConfig(rows=4, cols=4, dsp_multipliers=blocks))
    ports = {name: getattr(array, name) for name in ("operands", "weights", "sums")}
    named = {name: port.as_value() for name, port in ports.items()} | {"swap": array.swap}
    area = synthesize(ECP5, array, named, tmp_path)
    assert area.dsp == blocks
    assert area.lut_eq <= 22 * 16 + 82 * (16 - blocks)


def test_block_memories_go_where_the_analytic_placer_puts_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cells(**bels: str) -> str:
        kinds = {"memory": "DP16KD", "logic": "LUT4"}
        attributes = {name: {"NEXTPNR_BEL": bels[name]} if bels else {} for name in kinds}
        return json.dumps(
            {
                "modules": {
                    "top": {"cells": {n: {"type": kind, "attributes": attributes[n]} for n, kind in kinds.items()}}
                }
            }
        )

    runs: list[list[str]] = []

    def run(_family: str, _tool: str, arguments: list[str], directory: Path) -> None:
        runs.append(arguments)
        if "--write" in arguments:
            (directory / "analytic.json").write_text(cells(memory="X9/Y25/EBR0", logic="X3/Y4/SLICEA"))
        else:
            report = {"fmax": {"clk": {"achieved": 99.0}}, "critical_paths": []}
            (directory / "report_2.json").write_text(json.dumps(report))

    monkeypatch.setattr(ecp5, "run_tool", run)
    (tmp_path / "design.json").write_text(cells())
    timing = ECP5.place_and_route(tmp_path, Device(size="85k", speed=6), seed=2, target_mhz=80, placer="static")
    assert timing.fmax == 99.0
    first, second = (dict(pairwise(run)) for run in runs)
    assert (first["--placer"], first["--json"]) == ("heap", "design.json")
    assert (second["--placer"], second["--json"]) == ("static", "placed.json")
    placed = json.loads((tmp_path / "placed.json").read_text())["modules"]["top"]["cells"]
    assert placed["memory"]["attributes"] == {"BEL": "X9/Y25/EBR0"}
    assert placed["logic"]["attributes"] == {}
