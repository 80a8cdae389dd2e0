"""The serial core stopped amid a program, and its counters; conformance tests what programs compute."""

import dataclasses
import shutil

import numpy as np
import pytest

from hw.isa import Gemm, ParamMode
from hw.registers import Status
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
PATIENCE = 20_000_000


def same(outputs, expected):
    return outputs.keys() == expected.keys() and all(np.array_equal(outputs[name], expected[name]) for name in expected)


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


def test_a_soft_reset_clears_as_many_sums_as_there_can_be():
    """One microinstruction clears at most 255."""
    config = dataclasses.replace(CONFIG, acc_depth=128, acc_banks=3)
    asm, rng = Assembler(config), np.random.default_rng(6)
    asm.load_operand(0, rng.integers(-128, 128, (config.acc_depth, config.rows)))
    asm.load_broadcast(0)
    for bank in range(config.acc_banks):
        asm.stream(rng.integers(-128, 128, (config.cols, config.rows)).astype(np.int8))
        asm.add(Gemm(m=config.acc_depth, n=config.cols, k_tiles=1, a_addr=0, a_stride=1, clear=0, release=1))
        asm.drain_to_memory(f"bank_{bank}", config.acc_depth, config.cols, param_mode=ParamMode.FIXED, param_addr=0)
    program, device = asm.program(), RtlDevice(config)
    expected = interpret(program, {})
    for _ in range(2):
        assert same(device.run(program, {}).outputs, expected)
