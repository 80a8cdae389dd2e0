"""The emitted Verilog in an event-driven simulator, between buses that are not ours.

Memories are unknown there until a soft reset has cleared them, and so is everything that depends on what it missed; or
they begin with anything.
The environment variable SIM names another simulator than Icarus: ``SIM=verilator``.
"""

import functools
import os
import shutil
import unittest.mock
from itertools import product

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from gen.emit.rtlil import emit_rtlil
from gen.emit.verilog import emit_verilog
from sim.rtl import RtlDevice
from sw.lowering.matmul import MatmulLowering
from tests.conformance.configs import CONFIGS, MICRO_4X3
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program
from tests.long import long_but
from tests.verilator import lacks_verilator, verilator_environment
from tests.verilog.memories import fill_memories

SIMULATOR = os.environ.get("SIM", "icarus")
BUILD_ARGS = {"icarus": ["-g2005"], "verilator": ["--Wno-fatal"]}

BENCHED = {name: CONFIGS[name] for name in ("1x1", "2x2", "3x5", "4x4 micro")} | {"4x3 micro": MICRO_4X3}
RANDOM_PROGRAMS = [name for name in BENCHED if name in CONFIGS]
SHORT = ("3x5", "4x4 micro")
"""One of each kind; event-driven simulators are slow."""
UNKNOWN = 0
"""Contents of memories as the simulator has them; others are seeds."""

if SIMULATOR == "verilator":
    LACKS, ENVIRONMENT = lacks_verilator(), verilator_environment()
else:
    LACKS, ENVIRONMENT = "" if shutil.which("iverilog") else "there is no Icarus Verilog (apt install iverilog)", {}

pytestmark = [pytest.mark.sim, pytest.mark.skipif(bool(LACKS), reason=LACKS)]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return what compiles a configuration, by its name, with some contents of its memories."""

    @functools.cache
    def verilog(name):
        return emit_verilog(emit_rtlil(BENCHED[name]))

    @functools.cache
    def compiled(name, contents):
        folder = tmp_path_factory.mktemp("verilog")
        text = verilog(name)
        if contents != UNKNOWN:
            text, count = fill_memories(text, contents)
            assert count
        (folder / "systolm.v").write_text(text)
        made = get_runner(SIMULATOR)
        with unittest.mock.patch.dict(os.environ, ENVIRONMENT):
            made.build(
                sources=[folder / "systolm.v"],
                hdl_toplevel="systolm",
                build_dir=folder,
                timescale=("1ns", "1ps"),
                build_args=BUILD_ARGS.get(SIMULATOR, []),
                log_file=folder / "build.log",
            )
        return made

    return compiled


def run_bench(runner, bench, folder, config, pauses=()):
    """Run one bench of ``benches.py``; what it prints is in ``folder``."""
    results = runner.test(
        hdl_toplevel="systolm",
        test_module="tests.verilog.benches",
        testcase=bench,
        test_dir=folder,
        results_xml=str(folder / "results.xml"),
        extra_env={
            "FOLDER": str(folder),
            "SHAPE": f"{config.rows} {config.cols} {config.lanes}",
            "PAUSES": " ".join(map(str, pauses)),
        },
        log_file=folder / "bench.log",
    )
    count, failed = get_results(results)
    assert (count, failed) == (1, 0), (folder / "bench.log").read_text()


def run_program(runner, folder, config, program, inputs, pauses):
    """Return the outputs of one run after the other."""
    program.save(folder / "program.safetensors")
    np.savez(folder / "inputs.npz", **inputs)
    run_bench(runner, "program", folder, config, pauses)
    for run in range(len(pauses)):
        with np.load(folder / f"outputs_{run}.npz") as outputs:
            yield dict(outputs)


@pytest.mark.parametrize("contents", [UNKNOWN, 1])
@pytest.mark.parametrize("name", long_but(SHORT, BENCHED))
def test_registers(build, name, contents, tmp_path):
    run_bench(build(name, contents), "registers", tmp_path, BENCHED[name])


@pytest.mark.parametrize(("name", "steps"), long_but([("3x5", 2)], [("3x5", 2), *product(RANDOM_PROGRAMS, [4])]))
def test_program(build, name, steps, tmp_path):
    config = BENCHED[name]
    program, inputs = random_program(config, 31, steps=steps, vector=config.core != "micro")
    expected = interpret(program, inputs)
    simulated = RtlDevice(config).run(program, inputs).outputs
    pauses = [0.4] if config.core == "micro" else [0, 0.4]
    for run, outputs in enumerate(run_program(build(name, UNKNOWN), tmp_path, config, program, inputs, pauses)):
        for key, values in expected.items():
            np.testing.assert_array_equal(outputs[key], values, err_msg=f"run {run}, output {key}")
            np.testing.assert_array_equal(simulated[key], values, err_msg=f"RtlDevice, output {key}")


@pytest.mark.parametrize("contents", long_but([UNKNOWN, 1], [UNKNOWN, 1, 2]))
@pytest.mark.parametrize("name", long_but(SHORT, BENCHED))
def test_matmul(build, name, contents, tmp_path):
    """Whatever memories hold at first, a product is exact: the first one, and one after it."""
    config, rng = BENCHED[name], np.random.default_rng(contents)
    m, n, k = 5, 2 * config.cols + 1, 2 * config.rows + 1
    a, b = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (k, n)))
    lowering = MatmulLowering(config, m, n, k)
    for outputs in run_program(
        build(name, contents), tmp_path, config, lowering.program, lowering.pack(a, b), pauses=[0, 0.4]
    ):
        np.testing.assert_array_equal(lowering.unpack(outputs["c"]), a.astype(np.int32) @ b.astype(np.int32))
