"""Three tools accept the emitted Verilog without a complaint."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gen.rtlil import emit_rtlil
from gen.verilog import emit_verilog
from gen.yosys import run_yosys
from hw.config import AcceleratorConfig
from hw.presets import PRESETS

WAIVERS = Path(__file__).resolve().parents[2] / "gen" / "verilator.vlt"

_SMALL = {"scratchpad_kib": 1, "vector_kib": 1, "acc_depth": 16, "param_words": 32, "weight_fifo_words": 32}
CONFIGS = {
    "1x1": AcceleratorConfig(rows=1, cols=1, **_SMALL, bus_bytes=4, scratchpad_banks=1, tables=1, queue_depth=2),
    "tiny": PRESETS["tiny"],
    "3x5": AcceleratorConfig(rows=3, cols=5, **_SMALL, bus_bytes=32, acc_banks=3, tables=4),
    "default": PRESETS["default"],
}


@pytest.fixture(scope="module", params=CONFIGS)
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
    if shutil.which("verilator") is None:
        pytest.skip("there is no verilator")
    knows_rule = subprocess.run(["verilator", "-Wno-PROCASSINIT", "--version"], capture_output=True, check=False)
    defines = ["-DPROCASSINIT"] if knows_rule.returncode == 0 else []
    command = ["verilator", "--lint-only", "-Wall", *defines, "--top-module", "systolm", str(WAIVERS), str(verilog)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_yosys_accepts_it(verilog):
    run_yosys("read_verilog systolm.v; hierarchy -check -top systolm; proc; check -assert", verilog.parent)


def test_memories_have_no_contents(verilog):
    # Megabytes of zeros otherwise; and a soft reset must clear what a simulator leaves unknown.
    assert verilog.stat().st_size < 4 << 20


def test_yosys_says_what_it_does_not_like(tmp_path):
    with pytest.raises(RuntimeError, match=r"^Yosys failed: .*No such command: nonsense"):
        run_yosys("nonsense", tmp_path)
