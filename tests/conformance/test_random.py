"""Random programs: everything that they leave in memories, against the literal interpreter."""

import numpy as np
import pytest

from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program


@pytest.mark.parametrize("seed", range(8))
def test_random_programs_leave_the_same_memories(device, seed):
    program, inputs = random_program(device.config, seed)
    expected = interpret(program, inputs)
    outputs = device.run(program, inputs).outputs
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values, err_msg=f"seed {seed}, output {name}")
