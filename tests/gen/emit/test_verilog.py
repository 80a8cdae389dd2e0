"""Three tools accept the emitted Verilog without a complaint."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gen.emit.rtlil import emit_rtlil
from gen.emit.verilog import emit_verilog
from gen.flow.yosys import run_yosys
from spec.config import AcceleratorConfig
from spec.presets import PRESETS
from tests.conformance.configs import MICRO_4X3
from tests.long import long_but
from tests.verilator import lacks_verilator, verilator_environment

WAIVERS = Path(__file__).resolve().parents[3] / "gen" / "verilator.vlt"

_SMALL = {"scratchpad_kib": 1, "vector_kib": 1, "acc_depth": 16, "param_words": 32, "weight_fifo_words": 32}
CONFIGS = {
    "1x1": AcceleratorConfig(rows=1, cols=1, **_SMALL, bus_bytes=4, scratchpad_banks=1, tables=1, queue_depth=2),
    "tiny": PRESETS["tiny"],
    "3x5": AcceleratorConfig(rows=3, cols=5, **_SMALL, bus_bytes=32, acc_banks=3, tables=4),
    "default": PRESETS["default"],
    "icebreaker": PRESETS["icebreaker"],
    "4x3 micro": MICRO_4X3,
}


@pytest.fixture(scope="module", params=long_but(["tiny", "icebreaker"], CONFIGS))
def verilog(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("verilog") / "systolm.v"
    path.write_text(emit_verilog(emit_rtlil(CONFIGS[request.param])))
    return path


def check(*command):
    """Run a tool that must succeed and say nothing."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_icarus_accepts_it(verilog):
    check("iverilog", "-g2005", "-Wall", "-Wno-timescale", "-t", "null", "-s", "systolm", str(verilog))


def test_verilator_accepts_it(verilog):
    if lacks_verilator():
        pytest.skip(lacks_verilator())
    command = ["verilator", "--lint-only", "-Wall", "--top-module", "systolm", str(WAIVERS), str(verilog)]
    done = subprocess.run(command, env=verilator_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_yosys_accepts_it(verilog):
    run_yosys("read_verilog systolm.v; hierarchy -check -top systolm; proc; check -assert", verilog.parent)


def test_no_function_hides_a_name(verilog):
    assert not re.search(r"^ *function\b|parallel_case", verilog.read_text(), re.MULTILINE)


@pytest.mark.parametrize("twice", long_but(["4x3 micro"], ["4x3 micro", "tiny"]))
def test_two_chips_of_different_names_are_one_design(tmp_path, twice):
    """Whatever they are; Icarus and Yosys would refuse a second module of the same name."""
    names = {"first": twice, "second": "icebreaker", "third": twice}
    for name, config in names.items():
        (tmp_path / f"{name}.v").write_text(emit_verilog(emit_rtlil(CONFIGS[config], name)))
    chips = "".join(f"  {name} {name}_chip(.clk(clk), .rst(rst));\n" for name in names)
    (tmp_path / "chips.v").write_text(f"module chips(input clk, input rst);\n{chips}endmodule\n")
    files = [f"{name}.v" for name in ("chips", *names)]
    run_yosys("; ".join(f"read_verilog {file}" for file in files) + "; hierarchy -check -top chips", tmp_path)
    check("iverilog", "-g2005", "-t", "null", "-s", "chips", *(str(tmp_path / file) for file in files))


def test_memories_have_no_contents(verilog):
    # Megabytes of zeros otherwise; and a soft reset must clear what a simulator leaves unknown.
    assert verilog.stat().st_size < 4 << 20


def test_yosys_says_what_it_does_not_like(tmp_path):
    with pytest.raises(RuntimeError, match=r"^Yosys failed: .*No such command: nonsense"):
        run_yosys("nonsense", tmp_path)
