"""What boards' designs tell the tools, and what is made of the tools' reports."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gen.boards import DESIGNS, BoardDesign, flow
from gen.boards.build import build_bitstream
from gen.boards.flow import make_bitstream, synthesize_board
from gen.boards.report import Clock, Resource
from gen.flow import ecp5, ice40, synthesis
from spec.presets import PRESETS

ECP5_FLOW = (
    "--45k --speed 6 --seed 1 --freq 120 --lpf-allow-unconstrained --timing-allow-fail -q --lpf design.lpf "
    "--package CABGA381"
)
ICE40_DEVICE = "--up5k --package sg48 --json design.json --pcf-allow-unconstrained -q --pcf design.pcf"

ICE40_KINDS = ("ICESTORM_LC", "ICESTORM_DSP", "ICESTORM_RAM", "ICESTORM_SPRAM")


class Plan:
    files = {"top.lpf": "LOCATE", "top.pcf": "set_io", "top.il": "module"}  # noqa: RUF012  # nobody changes it


class Platform:
    device, speed, package = "LFE5U-45F", "6", "BG381"

    def prepare(self, _design: Any, _name: str) -> Plan:
        return Plan()


def board(name: str, **changes: Any) -> BoardDesign:
    return replace(DESIGNS[name], platform=Platform, top=lambda _board: None, **changes)


ULX3S = board("ulx3s_45f")
ICEBREAKER = board("icebreaker", clocks={"sync": 21e6})


class Tools:
    """Tools that do nothing but note their command lines and leave what they are told to.

    Parameters
    ----------
    report : dict
        Of nextpnr.
    cells : dict of str to int
        Of the netlist, by type.
    packed : int
        Look-up tables of an iCE40 after packing.
    """

    def __init__(self, report: dict[str, Any], cells: dict[str, int], packed: int = 0) -> None:
        self.report, self.cells, self.packed = report, cells, packed
        self.calls: list[str] = []

    def yosys(self, script: str, directory: Path) -> None:
        self.calls.append(f"yosys: {script}")
        (directory / "stat.json").write_text(json.dumps({"design": {"num_cells_by_type": self.cells}}))
        (directory / "design.json").write_text(json.dumps({"modules": {"top": {"cells": {}}}}))

    def run(self, family: str, tool: str, arguments: Sequence[str], directory: Path) -> None:
        self.calls.append(f"{family} {tool} {' '.join(arguments)}")
        (directory / "pack.log").write_text(f"Info: {self.packed} LCs used as LUT4 only\n")
        for argument in arguments:
            if argument.startswith("report_"):
                (directory / argument).write_text(json.dumps(self.report))
            if argument == "analytic.json":
                (directory / argument).write_text(json.dumps({"modules": {"top": {"cells": {}}}}))
            if argument.endswith((".bit", ".bin")):
                (directory / argument).write_text("bits")


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tools], Tools]:
    """Put tools in the place of the real ones."""

    def use(made: Tools) -> Tools:
        monkeypatch.setattr(synthesis, "run_yosys", made.yosys)
        monkeypatch.setattr(ecp5, "run_tool", made.run)
        monkeypatch.setattr(ice40, "run_tool", made.run)
        return made

    return use


def ecp5_tools() -> Tools:
    clocks = {
        "pll": {"constraint": 80.0, "achieved": 900.0},
        "sync": {"constraint": 80.0, "achieved": 70.126},
        "sdram": {"constraint": 120.005, "achieved": 130.0},
    }
    kinds = ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD")
    used = {kind: {"used": 3, "available": 7} for kind in kinds}
    return Tools({"fmax": clocks, "utilization": used, "critical_paths": []}, {"LUT4": 5})


def ice40_tools(fmax: float = 22.5, packed: int = 5000) -> Tools:
    used = {kind: {"used": 3, "available": 7} for kind in ICE40_KINDS}
    report = {"fmax": {"clk": {"achieved": fmax}}, "utilization": used, "critical_paths": []}
    return Tools(report, {"SB_CARRY": 5, "SB_DFFE": 2}, packed)


def test_commands_for_an_ecp5(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    calls = tools(ecp5_tools()).calls
    make_bitstream(ULX3S, tmp_path, lambda _stage: None)
    assert calls == [
        "yosys: read_rtlil design.il; hierarchy -top top; proc; "
        "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 a:two_clocks %m %d; flatten; "
        "synth_ecp5 -top top -run :map_luts ; "
        "autoname t:TRELLIS_FF t:DP16KD t:MULT18X18D t:TRELLIS_DPR16X4; rename -hide w:*; abc9 -W 900; clean; "
        "synth_ecp5 -top top -run map_cells: -json design.json ; tee -q -o stat.json stat -json",
        "ecp5 nextpnr_ecp5 --json design.json --write analytic.json -l analytic.log --no-route --placer heap "
        + ECP5_FLOW,
        "ecp5 nextpnr_ecp5 --json placed.json --report report_1.json -l nextpnr_1.log --textcfg design.config "
        "--placer static " + ECP5_FLOW,
        "ecp5 ecppack --compress --input design.config --bit ulx3s_45f.bit",
    ]


def test_memories_with_places_are_not_placed_again(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    calls = tools(ecp5_tools()).calls
    places = tmp_path / "places.json"
    places.write_text("{}")
    make_bitstream(replace(ULX3S, memories=places), tmp_path / "made", lambda _stage: None)
    _yosys, nextpnr, pack = calls
    assert nextpnr.startswith("ecp5 nextpnr_ecp5 --json placed.json")
    assert pack.startswith("ecp5 ecppack")


def test_commands_for_an_ice40(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    calls = tools(ice40_tools()).calls
    make_bitstream(replace(ICEBREAKER, seed=3), tmp_path, lambda _stage: None)
    assert calls == [
        "yosys: scratchpad -set synth_ice40.abc9.W 1800; read_rtlil design.il; hierarchy -top top; proc; flatten; "
        "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2; synth_ice40 -top top -device u -abc9 -run :map_luts ; "
        "autoname t:SB_DFF* t:SB_RAM40* t:SB_MAC16 t:SB_SPRAM256KA; rename -hide w:*; "
        "synth_ice40 -top top -device u -abc9 -run map_luts: -json design.json ; tee -q -o stat.json stat -json",
        f"ice40 nextpnr_ice40 {ICE40_DEVICE} --pack-only -l pack.log",
        f"ice40 nextpnr_ice40 {ICE40_DEVICE} --report report_3.json -l nextpnr_3.log --asc design.asc "
        "--seed 3 --freq 21 --timing-allow-fail",
        "ice40 icepack design.asc icebreaker.bin",
    ]


def test_report_of_an_ecp5(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    tools(ecp5_tools())
    stages: list[str] = []
    report = make_bitstream(ULX3S, tmp_path, stages.append)
    assert stages == ["elaborating", "synthesizing", "placing and routing", "packing the bitstream"]
    assert report.clocks == {
        "sync": Clock(asked_mhz=80.0, fmax_mhz=70.13),
        "sdram": Clock(asked_mhz=120.005, fmax_mhz=130.0),
    }
    assert report.resources == dict.fromkeys(("luts", "ffs", "dsps", "rams"), Resource(used=3, available=7))
    assert report.cells["lut4"] == 5
    assert (tmp_path / "design.lpf").read_text() == "LOCATE"
    assert (tmp_path / report.bitstream).read_text() == "bits"


def test_report_of_an_ice40(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    tools(ice40_tools())
    stages: list[str] = []
    report = make_bitstream(ICEBREAKER, tmp_path, stages.append)
    assert stages == ["elaborating", "synthesizing", "placing and routing", "packing the bitstream"]
    assert report.clocks == {"sync": Clock(asked_mhz=21.0, fmax_mhz=22.5)}
    placed = dict.fromkeys(("luts", "dsps", "rams", "large_rams"), Resource(used=3, available=7))
    assert report.resources == {"ffs": Resource(used=2, available=5280), **placed}
    assert (report.cells["carry"], report.cells["logic_cells"]) == (5, 5000)
    assert (tmp_path / "design.pcf").read_text() == "set_io"
    assert (tmp_path / report.bitstream).read_text() == "bits"


def test_absent_clock(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    del tools(ecp5_tools()).report["fmax"]["sdram"]
    with pytest.raises(RuntimeError, match=r"^nextpnr reports no clock of 120 MHz$"):
        make_bitstream(ULX3S, tmp_path, lambda _stage: None)


def test_too_many_cells_are_one_line(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    tools(ice40_tools(packed=11441))
    message = r"^icebreaker does not fit: it takes 11,441 of 5,280 logic cells$"
    with pytest.raises(RuntimeError, match=message):
        build_bitstream(ICEBREAKER, tmp_path)
    assert not (tmp_path / "icebreaker.bin").exists()


def test_missed_timing_is_one_line(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    tools(ice40_tools(fmax=20.9))
    message = r"^icebreaker misses its timing: clock sync reaches 20\.9 of 21 MHz$"
    with pytest.raises(RuntimeError, match=message):
        build_bitstream(ICEBREAKER, tmp_path)
    assert not (tmp_path / "icebreaker.bin").exists()


def test_places_of_memories_are_for_an_ecp5(tools: Callable[[Tools], Tools], tmp_path: Path) -> None:
    tools(ice40_tools())
    places = tmp_path / "places.json"
    places.write_text("{}")
    with pytest.raises(ValueError, match=r"^an iCE40's memories cannot be told their places$"):
        make_bitstream(replace(ICEBREAKER, memories=places), tmp_path, lambda _stage: None)


@pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None, reason="amaranth-boards is not installed")
def test_pins_and_primitives_are_those_of_the_board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts: list[str] = []
    monkeypatch.setattr(flow, "synthesize_rtlil", lambda _family, text, _directory: texts.append(text))
    small = replace(DESIGNS["icebreaker"], config=PRESETS["tiny"])
    synthesize_board(small, small.platform(), tmp_path, lambda _stage: None)
    lines = (line.split() for line in (tmp_path / "design.pcf").read_text().splitlines())
    pins = {int(line[2]): line[1] for line in lines if line[0] == "set_io"}
    assert sorted(pins) == [6, 9, 12, 13, 14, 15, 16, 17, 35, 37]
    assert pins[35].startswith("clk12")
    assert [pins[pin].split("__")[1] for pin in (16, 15, 6, 9)] == ["cs", "clk", "rx", "tx"]
    assert [pins[pin][-2] for pin in (14, 17, 12, 13)] == ["0", "1", "2", "3"]
    for primitive, count in (("SB_PLL40_PAD", 1), ("SB_SPRAM256KA", 1)):
        assert texts[0].count(f"cell \\{primitive} ") == count
