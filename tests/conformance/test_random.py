"""Random programs: everything that they leave in memories, against the literal interpreter."""

import numpy as np
import pytest

from sim import open_device
from sim.memory import MemoryModel
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program


@pytest.mark.parametrize("seed", range(8))
def test_random_programs_leave_the_same_memories(device, seed):
    compare(device, seed)


@pytest.mark.parametrize(
    "memory",
    [
        MemoryModel(latency=1, write_latency=1),
        MemoryModel(latency=300, write_latency=500),
        MemoryModel(stall_probability=0.6, bytes_per_cycle=1.5, seed=7),
    ],
    ids=["fast", "far", "stalling"],
)
def test_the_timing_of_the_memory_changes_nothing(backend, config, memory):
    if backend != "rtl":
        pytest.skip("only the simulated memory's timing can be chosen")
    device = open_device(backend, config, memory=memory)
    for seed in (100, 101):
        compare(device, seed)


def compare(device, seed):
    program, inputs = random_program(device.config, seed)
    expected = interpret(program, inputs)
    outputs = device.run(program, inputs).outputs
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values, err_msg=f"seed {seed}, output {name}")
