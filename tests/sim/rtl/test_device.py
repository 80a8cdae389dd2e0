"""The RTL device: memory models, faults, threads, traces, builds. What programs compute is tested in conformance."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sim.memory import MemoryModel
from sim.rtl import RtlDevice, Trace, build, library
from sim.rtl.build import build_simulator
from sim.rtl.chip import Chip
from sim.rtl.harness import Harness
from spec.device import DeviceError
from spec.isa import Destination, Drain, ErrorCode, Gemm, Load, Stream
from spec.registers import COUNTERS
from tests.conformance.assembler import Assembler
from tests.conformance.configs import CONFIGS
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program
from tests.long import long_but

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")

CONFIG = CONFIGS["3x5"]

KINDS = ("3x5", "4x4 micro")
"""Both kinds of accelerators."""

SPECIAL = range(0x30000, 0x31000)
"""Addresses that random programs do not use."""


@pytest.fixture(scope="module")
def device():
    return RtlDevice(CONFIG)


def same(outputs, expected):
    return outputs.keys() == expected.keys() and all(np.array_equal(outputs[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "model",
    [
        MemoryModel(latency=1, write_latency=1),
        MemoryModel(latency=300, write_latency=500),
        MemoryModel(bytes_per_cycle=0.5),
        MemoryModel(stall_probability=0.5, seed=1),
        MemoryModel(stall_probability=0.95, seed=2),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", KINDS)
def test_results_do_not_depend_on_the_memory(name, model):
    for seed in range(11, 14):
        program, inputs = random_program(CONFIGS[name], seed)
        assert same(RtlDevice(CONFIGS[name], memory=model).run(program, inputs).outputs, interpret(program, inputs))


def test_slower_memories_take_longer():
    program, inputs = random_program(CONFIG, 12)
    models = [MemoryModel(latency=latency) for latency in (1, 40, 400)]
    models.append(MemoryModel(latency=400, bytes_per_cycle=0.25))
    cycles = [RtlDevice(CONFIG, memory=model).run(program, inputs).cycles for model in models]
    assert cycles == sorted(set(cycles))


def test_reads_take_as_long_as_the_bandwidth_says():
    words = 2000
    asm = Assembler(CONFIG)
    constant = asm.constant(bytes(CONFIG.rows * words))
    for start in range(0, words, 100):
        asm.add(Load(count=100, mem_addr=constant + start * CONFIG.rows))
    bytes_per_cycle = 0.75
    device = RtlDevice(CONFIG, memory=MemoryModel(bytes_per_cycle=bytes_per_cycle))
    result = device.run(asm.program(), {})
    assert result.counters["load_bytes"] == CONFIG.rows * words
    read = result.counters["load_bytes"] + result.counters["instruction_bytes"]
    assert result.cycles == pytest.approx(read / bytes_per_cycle, rel=0.02)


def test_same_run_same_cycles(device):
    program, inputs = random_program(CONFIG, 13)
    first, second = (device.run(program, inputs) for _ in range(2))
    assert first.counters == second.counters
    assert first.cycles == first.counters["cycles"] > 0


def test_counters_add_up(device):
    program, inputs = random_program(CONFIG, 14)
    result = device.run(program, inputs)
    assert result.counters.keys() == {counter.name for counter in COUNTERS}
    for engine in ("array", "post"):
        causes = [f"{engine}_busy", *(name for name in result.counters if name.startswith(f"{engine}_wait"))]
        assert sum(result.counters[name] for name in causes) == result.cycles
    assert result.counters["instructions"] == program.instructions.size // 32


def access(config, kind):
    """Return a program that meets the special addresses, and which instruction does."""
    asm = Assembler(config)
    match kind:
        case "load":
            asm.add(Load(count=1, mem_addr=SPECIAL.start))
        case "stream":
            asm.add(Stream(count=config.cols, mem_addr=SPECIAL.start), Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
        case "drain":
            asm.add(Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1))
            asm.add(Drain(m=1, n=1, dest=Destination.MEMORY, dest_addr=SPECIAL.start))
    return asm.program(), int(kind == "drain")


@pytest.mark.parametrize("kind", ["load", "stream", "drain"])
@pytest.mark.parametrize("fault", ["faults", "dead"])
@pytest.mark.parametrize("name", KINDS)
def test_faults_are_reported_and_forgotten(name, kind, fault):
    config = CONFIGS[name]
    device = RtlDevice(config, memory=MemoryModel(**{fault: SPECIAL}))
    program, index = access(config, kind)
    code = ErrorCode.BUS_TIMEOUT
    if fault == "faults":
        code = ErrorCode.BUS_WRITE if kind == "drain" else ErrorCode.BUS_READ
    with pytest.raises(DeviceError) as caught:
        device.run(program, {})
    assert (caught.value.code, caught.value.index, caught.value.addr) == (code, index, SPECIAL.start)
    program, inputs = random_program(config, 15)
    assert same(device.run(program, inputs).outputs, interpret(program, inputs))


def test_errors_name_the_instruction(device):
    asm = Assembler(CONFIG)
    asm.add(Load(addr=CONFIG.scratchpad_words, count=2))
    message = (
        f"instruction 0 (LOAD addr={CONFIG.scratchpad_words} count=2): "
        f"OUT_OF_RANGE at address {CONFIG.scratchpad_words:#x}"
    )
    with pytest.raises(DeviceError) as caught:
        device.run(asm.program(), {})
    assert str(caught.value) == message


def test_what_does_not_get_on_ends_when_patience_does():
    asm = Assembler(CONFIG)
    asm.add(Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
    patience = CONFIG.timeout_cycles // 2
    with pytest.raises(DeviceError, match=f"no progress for {patience} cycles") as caught:
        RtlDevice(CONFIG, patience=patience).run(asm.program(), {})
    assert caught.value.code == ErrorCode.NONE


def test_what_an_interrupted_run_writes_goes_to_its_own_memory(monkeypatch):
    old, new = Assembler(CONFIG), Assembler(CONFIG)
    for number in range(30):
        old.add(Gemm(m=32, n=2, k_tiles=1, b_scratchpad=1, clear=1, release=1))
        old.drain_to_memory(f"sums_{number}", 32, 2)
    new.input("all", "int8", (1 << 14,))
    program, data = new.program(), np.full(1 << 14, 0x55, np.int8)
    memories, attach = [], Chip.attach

    def keep(chip, memory):
        memories.append(memory)
        attach(chip, memory)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Chip, "attach", keep)
    for patience in range(100, 700, 60):
        device = RtlDevice(CONFIG, patience=patience, memory=MemoryModel(write_latency=200))
        with pytest.raises(KeyboardInterrupt):
            device.run(old.program(), {}, progress=interrupt)
        device.run(program, {"all": data})
        addr = program.inputs["all"].addr
        np.testing.assert_array_equal(memories[-1][addr:][: data.size].view(np.int8), data)


def test_a_program_for_another_configuration_is_refused(device):
    program, inputs = random_program(CONFIGS["2x2"], 0)
    with pytest.raises(ValueError, match="the program must be made for"):
        device.run(program, inputs)


def test_threads_do_not_meet(device):
    programs = [random_program(CONFIG, seed) for seed in range(20, 28)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda pair: device.run(*pair), programs))
    for (program, inputs), result in zip(programs, results, strict=True):
        assert same(result.outputs, interpret(program, inputs))


def test_progress_is_told():
    asm = Assembler(CONFIG)
    asm.add(*[Load(count=100, mem_addr=0)] * 50)
    seen = []
    device = RtlDevice(CONFIG, memory=MemoryModel(bytes_per_cycle=0.1))
    device.run(asm.program(), {}, progress=lambda cycles, instructions: seen.append((cycles, instructions)))
    assert len(seen) > 1
    assert seen == sorted(seen)


@pytest.mark.parametrize("name", long_but(["4x4 micro"], ["4x4 micro", "1x1"]))
def test_a_traced_run_is_the_same_run(tmp_path, name):
    """Simulators that write waveforms take the compiler very long, but that of the micro core."""
    config = CONFIGS[name]
    program, inputs = random_program(config, 16)
    path = tmp_path / "trace.vcd"
    traced = RtlDevice(config, trace=Trace(path, 100, 110)).run(program, inputs)
    plain = RtlDevice(config).run(program, inputs)
    # Different C++ runtimes, so this compares these as well.
    assert traced.counters == plain.counters
    assert same(traced.outputs, plain.outputs)
    text = path.read_text()
    assert " s_axil_awaddr $end" in text
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert times == list(range(200, 220))


def test_a_trace_that_cannot_be_written(tmp_path):
    config = CONFIGS["4x4 micro"]
    program, inputs = random_program(config, 16)
    with pytest.raises(OSError, match="cannot be written"):
        RtlDevice(config, trace=Trace(tmp_path / "none" / "trace.vcd", 0, 1)).run(program, inputs)


@pytest.mark.parametrize("window", [(5, 5), (-1, 3)])
def test_a_trace_needs_a_window(tmp_path, window):
    with pytest.raises(ValueError, match="trace must be of cycles 0 <= start < stop"):
        Trace(tmp_path / "trace.vcd", *window)


def test_a_second_build_is_free(device, monkeypatch):
    assert device
    monkeypatch.setattr(build, "emit_rtlil", None)
    for name in ("run_yosys", "_compile"):
        monkeypatch.setattr(library, name, None)
    stages = []
    RtlDevice(CONFIG, tell=stages.append)
    assert not stages


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(RuntimeError, match=r"^simulating the RTL needs a C\+\+ compiler: install clang or g\+\+"):
        RtlDevice(CONFIG)


def test_the_first_message_of_a_failing_compiler_is_shown(monkeypatch, tmp_path):
    broken = tmp_path / "harness.cpp"
    broken.write_text("not C++;\n")
    monkeypatch.setattr(library, "_CACHE", tmp_path / "cache")  # others may be building in the shared one
    with pytest.raises(RuntimeError, match=r"failed: .*harness\.cpp:1:1: error"):
        build_simulator(CONFIG, harness=Harness(source=broken))
    assert not list(library._CACHE.glob("*/made"))
