"""The emitted Verilog in an event-driven simulator, between buses that are not ours.

Memories are unknown there until a soft reset has cleared them, and so is everything that depends on what it missed.
The environment variable SIM names another simulator than Icarus: ``SIM=verilator`` needs Verilator 5.036.
"""

import os
import shutil

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from gen.rtlil import emit_rtlil
from gen.verilog import emit_verilog
from sim.rtl import RtlDevice
from tests.conformance.configs import CONFIGS
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program

SIMULATOR = os.environ.get("SIM", "icarus")
COMMANDS = {"icarus": "iverilog", "verilator": "verilator"}
BUILD_ARGS = {"icarus": ["-g2005"], "verilator": ["--Wno-fatal"]}

pytestmark = [
    pytest.mark.sim,
    pytest.mark.skipif(shutil.which(COMMANDS.get(SIMULATOR, SIMULATOR)) is None, reason=f"there is no {SIMULATOR}"),
]


@pytest.fixture(scope="module", params=["1x1", "2x2", "3x5", "4x4 serial"])
def config(request):
    return CONFIGS[request.param]


@pytest.fixture(scope="module")
def runner(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"verilog_{config.rows}x{config.cols}")
    verilog = folder / "systolm.v"
    verilog.write_text(emit_verilog(emit_rtlil(config)))
    made = get_runner(SIMULATOR)
    made.build(
        sources=[verilog],
        hdl_toplevel="systolm",
        build_dir=folder,
        timescale=("1ns", "1ps"),
        build_args=BUILD_ARGS.get(SIMULATOR, []),
        log_file=folder / "build.log",
    )
    return made


def run_bench(runner, bench, folder, config):
    """Run one bench of ``benches.py``; what it prints is in ``folder``."""
    results = runner.test(
        hdl_toplevel="systolm",
        test_module="tests.verilog.benches",
        testcase=bench,
        test_dir=folder,
        results_xml=str(folder / "results.xml"),
        extra_env={"FOLDER": str(folder), "SHAPE": f"{config.rows} {config.cols} {config.lanes}"},
        log_file=folder / "bench.log",
    )
    count, failed = get_results(results)
    assert (count, failed) == (1, 0), (folder / "bench.log").read_text()


def test_registers(runner, config, tmp_path):
    run_bench(runner, "registers", tmp_path, config)


def test_program(runner, config, tmp_path):
    program, inputs = random_program(config, 31, steps=4)
    program.save(tmp_path / "program.safetensors")
    np.savez(tmp_path / "inputs.npz", **inputs)
    run_bench(runner, "program", tmp_path, config)
    expected = interpret(program, inputs)
    simulated = RtlDevice(config).run(program, inputs).outputs
    for run in range(2):
        with np.load(tmp_path / f"outputs_{run}.npz") as outputs:
            for name, values in expected.items():
                np.testing.assert_array_equal(outputs[name], values, err_msg=f"run {run}, output {name}")
                np.testing.assert_array_equal(simulated[name], values, err_msg=f"RtlDevice, output {name}")
