"""The serial core on all kinds of memories, and stopped amid a program; conformance tests what programs compute."""

import shutil

import numpy as np
import pytest

from hw.isa import Destination, Drain, ErrorCode, Gemm, Load, Stream
from hw.registers import Status
from sim.device import DeviceError
from sim.driver import Driver
from sim.memory import MemoryModel
from sim.rtl import RtlDevice
from sim.rtl.build import build_simulator
from sim.rtl.chip import Chip
from tests.conformance.assembler import Assembler
from tests.conformance.configs import CONFIGS
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")

CONFIG = CONFIGS["4x4 serial"]
SPECIAL = range(0x30000, 0x31000)
"""Addresses that random programs do not use."""

PATIENCE = 20_000_000


def same(outputs, expected):
    return outputs.keys() == expected.keys() and all(np.array_equal(outputs[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "model",
    [
        MemoryModel(latency=1, write_latency=1),
        MemoryModel(latency=300, write_latency=500),
        MemoryModel(bytes_per_cycle=0.25),
        MemoryModel(stall_probability=0.5, seed=1),
        MemoryModel(stall_probability=0.95, seed=2),
    ],
    ids=str,
)
def test_results_do_not_depend_on_the_memory(model):
    for seed in range(31, 34):
        program, inputs = random_program(CONFIG, seed)
        assert same(RtlDevice(CONFIG, memory=model).run(program, inputs).outputs, interpret(program, inputs))


def access(kind):
    """Return a program that meets the special addresses, and which instruction does."""
    asm = Assembler(CONFIG)
    match kind:
        case "load":
            asm.add(Load(count=1, mem_addr=SPECIAL.start))
        case "stream":
            asm.add(Stream(count=CONFIG.cols, mem_addr=SPECIAL.start), Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
        case "drain":
            asm.add(Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1))
            asm.add(Drain(m=1, n=1, dest=Destination.MEMORY, dest_addr=SPECIAL.start))
    return asm.program(), int(kind == "drain")


@pytest.mark.parametrize("kind", ["load", "stream", "drain"])
@pytest.mark.parametrize("fault", ["faults", "dead"])
def test_faults_are_reported_and_forgotten(kind, fault):
    device = RtlDevice(CONFIG, memory=MemoryModel(**{fault: SPECIAL}))
    program, index = access(kind)
    code = ErrorCode.BUS_TIMEOUT
    if fault == "faults":
        code = ErrorCode.BUS_WRITE if kind == "drain" else ErrorCode.BUS_READ
    with pytest.raises(DeviceError) as caught:
        device.run(program, {})
    assert (caught.value.code, caught.value.index, caught.value.addr) == (code, index, SPECIAL.start)
    program, inputs = random_program(CONFIG, 15)
    assert same(device.run(program, inputs).outputs, interpret(program, inputs))


class Bench:
    """A chip with a random program in its memory."""

    def __init__(self, **memory):
        self.program, inputs = random_program(CONFIG, 41)
        self.expected = interpret(self.program, inputs)
        self._inputs = inputs
        self._chip = Chip(build_simulator(CONFIG), MemoryModel(**memory), CONFIG.bus_bytes)
        self.driver = Driver(self._chip, "cycles")

    def advance(self, cycles):
        self._chip.advance(cycles)
        return self._chip.cycles

    def reset(self):
        self.driver.reset(lambda: self.advance(64))

    def start(self):
        self._memory = self.program.memory_image(self._inputs)
        self._chip.attach(self._memory)
        self.driver.start(self.program)

    def finish(self):
        """Return the cycles that the host waited, and whether the outputs are right."""
        start = self._chip.cycles
        self.driver.wait(self.program, lambda: self.advance(1000) - start, PATIENCE)
        return self._chip.cycles - start, same(self.program.read_outputs(self._memory), self.expected)


def test_soft_reset_amid_a_program():
    bench = Bench(stall_probability=0.3, latency=9)
    bench.reset()
    bench.start()
    whole, right = bench.finish()
    assert right
    for cycles in (*range(1, 40), *np.random.default_rng(5).integers(40, whole, 40).tolist()):
        bench.reset()
        bench.start()
        bench.advance(cycles)
    bench.reset()
    assert bench.driver.read("STATUS", "instructions", "cycles") == [0, 0, 0]
    bench.start()
    assert bench.finish()[1]


def test_cycles_are_counted_from_start_to_done():
    bench = Bench()
    for _ in range(2):
        bench.reset()
        bench.start()
        waited, right = bench.finish()
        assert right
        (counted,) = bench.driver.read("cycles")
        # Registers take a few cycles to write and read.
        assert abs(counted - waited) < 30
    bench.advance(100)
    assert bench.driver.read("STATUS", "cycles") == [Status.DONE, counted]
    bench.start()
    bench.advance(10)
    assert bench.driver.read("cycles")[0] < 100
