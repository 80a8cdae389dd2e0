"""What the flow for iCE40 boards makes of the tools' reports."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gen.boards import DESIGNS, ice40_flow
from gen.boards.build import build_bitstream
from gen.boards.ice40_flow import build_for_ice40, synthesize_for_ice40
from gen.boards.report import Clock, Resource
from gen.flow.ice40 import CONSTRAINTS, Area
from gen.flow.nextpnr import Timing
from spec.presets import PRESETS


class Plan:
    def __init__(self) -> None:
        self.files = {"top.pcf": "set_io", "top.il": "module"}


class Platform:
    def prepare(self, _design: Any, _name: str) -> Plan:
        return Plan()


BOARD = replace(DESIGNS["icebreaker"], platform=Platform, top=lambda _board: None, clocks={"sync": 21e6})


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Tools that do nothing but report this."""
    found: dict[str, Any] = {"logic_cells": 5000, "fmax": 22.5}
    kinds = ("ICESTORM_LC", "ICESTORM_DSP", "ICESTORM_RAM", "ICESTORM_SPRAM")

    def route(directory: Path, *, seed: int, **_: Any) -> Timing:
        report = {"utilization": {kind: {"used": 3, "available": 7} for kind in kinds}}
        (directory / f"report_{seed}.json").write_text(json.dumps(report))
        return Timing(fmax=found["fmax"], critical_path=())

    monkeypatch.setattr(
        ice40_flow, "synthesize_rtlil", lambda *_: Area.from_cells({"SB_CARRY": 5}, found["logic_cells"])
    )
    monkeypatch.setattr(ice40_flow, "place_and_route", route)
    monkeypatch.setattr(ice40_flow, "pack", lambda directory, name: (directory / name).write_text("bits"))
    return found


def test_report_has_cells_and_clock(tools: dict[str, Any], tmp_path: Path) -> None:
    del tools
    stages: list[str] = []
    report = build_for_ice40(BOARD, tmp_path, stages.append)
    assert stages == ["elaborating", "synthesizing", "placing and routing", "packing the bitstream"]
    assert report.clocks == {"sync": Clock(asked_mhz=21.0, fmax_mhz=22.5)}
    assert report.resources.keys() == {"luts", "ffs", "dsps", "rams", "large_rams"}
    assert report.resources["large_rams"] == Resource(used=3, available=7)
    assert (report.cells["carry"], report.cells["logic_cells"]) == (5, 5000)
    assert (tmp_path / CONSTRAINTS).read_text() == "set_io"
    assert (tmp_path / report.bitstream).read_text() == "bits"


def test_too_many_cells_are_one_line(tools: dict[str, Any], tmp_path: Path) -> None:
    tools["logic_cells"] = 11441
    message = r"^icebreaker does not fit: it takes 11,441 of 5,280 logic cells$"
    with pytest.raises(RuntimeError, match=message):
        build_bitstream(BOARD, tmp_path)
    assert not (tmp_path / "icebreaker.bin").exists()


def test_missed_timing_is_one_line(tools: dict[str, Any], tmp_path: Path) -> None:
    tools["fmax"] = 20.9
    message = r"^icebreaker misses its timing: clock sync reaches 20\.9 of 21 MHz$"
    with pytest.raises(RuntimeError, match=message):
        build_bitstream(BOARD, tmp_path)
    assert not (tmp_path / "icebreaker.bin").exists()


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
def test_pins_and_primitives_are_those_of_the_board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts: list[str] = []

    def synthesize(text: str, _directory: Path) -> Area:
        texts.append(text)
        return Area.from_cells({}, 0)

    monkeypatch.setattr(ice40_flow, "synthesize_rtlil", synthesize)
    board = replace(DESIGNS["icebreaker"], config=PRESETS["tiny"])
    synthesize_for_ice40(board, board.platform(), tmp_path, lambda _stage: None)
    lines = (line.split() for line in (tmp_path / CONSTRAINTS).read_text().splitlines())
    pins = {int(line[2]): line[1] for line in lines if line[0] == "set_io"}
    assert sorted(pins) == [6, 9, 12, 13, 14, 15, 16, 17, 35, 37]
    assert pins[35].startswith("clk12")
    assert [pins[pin].split("__")[1] for pin in (16, 15, 6, 9)] == ["cs", "clk", "rx", "tx"]
    assert [pins[pin][-2] for pin in (14, 17, 12, 13)] == ["0", "1", "2", "3"]
    for primitive, count in (("SB_PLL40_PAD", 1), ("SB_SPRAM256KA", 1)):
        assert texts[0].count(f"cell \\{primitive} ") == count
