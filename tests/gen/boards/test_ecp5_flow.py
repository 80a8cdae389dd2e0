"""What the flow for ECP5 boards makes of the tools' reports."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gen.boards import DESIGNS, ecp5_flow
from gen.boards.ecp5_flow import build_for_ecp5
from gen.boards.report import Clock, Resource
from gen.flow.ecp5 import CONSTRAINTS, Area, Device


class Plan:
    def __init__(self) -> None:
        self.files = {"top.lpf": "LOCATE", "top.il": "module"}


class Platform:
    device, speed, package = "LFE5U-45F", "6", "BG381"

    def prepare(self, _design: Any, _name: str) -> Plan:
        return Plan()


BOARD = replace(DESIGNS["ulx3s_45f"], platform=Platform, top=lambda _board: None)


@pytest.fixture
def routed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Tools that do nothing but leave this report."""
    report: dict[str, Any] = {
        "fmax": {
            "pll": {"constraint": 80.0, "achieved": 900.0},
            "sync": {"constraint": 80.0, "achieved": 70.126},
            "sdram": {"constraint": 120.0, "achieved": 130.0},
        },
        "utilization": {
            kind: {"used": 3, "available": 7} for kind in ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD")
        },
    }

    def route(directory: Path, *_: Any, seed: int, **__: Any) -> None:
        (directory / f"report_{seed}.json").write_text(json.dumps(report))

    monkeypatch.setattr(ecp5_flow, "synthesize_rtlil", lambda *_: Area.from_cells({"LUT4": 5}))
    monkeypatch.setattr(ecp5_flow, "place_and_route", route)
    monkeypatch.setattr(ecp5_flow, "pack", lambda directory, name: (directory / name).write_text("bits"))
    return report


def test_a_clock_is_as_fast_as_its_slowest_part(routed: dict[str, Any], tmp_path: Path) -> None:
    del routed
    stages: list[str] = []
    report = build_for_ecp5(BOARD, tmp_path, stages.append)
    assert stages == ["elaborating", "synthesizing", "placing and routing", "packing the bitstream"]
    assert report.clocks == {
        "sync": Clock(asked_mhz=80.0, fmax_mhz=70.13),
        "sdram": Clock(asked_mhz=120.0, fmax_mhz=130.0),
    }
    assert report.resources["rams"] == Resource(used=3, available=7)
    assert report.cells["lut4"] == 5
    assert (tmp_path / CONSTRAINTS).read_text() == "LOCATE"
    assert (tmp_path / report.bitstream).read_text() == "bits"


@pytest.mark.parametrize("size", ["12", "25", "45", "85"])
def test_every_fpga_of_the_family(
    size: str, routed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del routed
    monkeypatch.setattr(Platform, "device", f"LFE5U-{size}F")
    route, devices = ecp5_flow.place_and_route, []

    def watched(directory: Path, device: Device, **more: Any) -> None:
        devices.append(device)
        route(directory, device, **more)

    monkeypatch.setattr(ecp5_flow, "place_and_route", watched)
    build_for_ecp5(BOARD, tmp_path, lambda _stage: None)
    assert devices == [Device(size=f"{size}k", speed=6, package="CABGA381")]


def test_absent_clock(routed: dict[str, Any], tmp_path: Path) -> None:
    del routed["fmax"]["sdram"]
    with pytest.raises(RuntimeError, match=r"^nextpnr reports no clock of 120 MHz$"):
        build_for_ecp5(BOARD, tmp_path, lambda _stage: None)
