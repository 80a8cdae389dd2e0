"""What only the model offers: its checks of inputs, its memory, and what it keeps between runs."""

import gc
import weakref

import numpy as np
import pytest

from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig
from spec.device import DeviceError
from spec.isa import Gemm, Load, LoadTarget, ParamMode, Stream
from tests.conformance.assembler import Assembler, undense, weight_words
from tests.conformance.random_program import random_program

CONFIG = AcceleratorConfig(rows=4, cols=4, acc_depth=16, scratchpad_kib=1, vector_kib=1, param_words=32)


def copying_program():
    """Return a program that multiplies an input with the identity."""
    asm = Assembler(CONFIG)
    addr = asm.input("x", "int8", (3, 4))
    asm.load_broadcast(0)
    asm.add(Load(target=LoadTarget.SCRATCHPAD, count=3, mem_addr=addr))
    asm.stream(np.eye(4))
    asm.add(Gemm(m=3, n=4, k_tiles=1, a_stride=1, clear=1, release=1))
    asm.drain_to_memory("y", 3, 4, param_mode=ParamMode.FIXED)
    return asm.program()


def test_every_run_has_its_own_inputs():
    device, program = ModelDevice(CONFIG), copying_program()
    for value in (1, -128, 127):
        x = np.full((3, 4), value, np.int8)
        result = device.run(program, {"x": x})
        np.testing.assert_array_equal(undense(CONFIG, result.outputs["y"], 3, 4), x)
        assert result.cycles is None
        assert result.counters == {}


def test_memory_is_as_the_run_has_left_it():
    device, program = ModelDevice(CONFIG), copying_program()
    outputs = device.run(program, {"x": np.ones((3, 4), np.int8)}).outputs
    region = program.outputs["y"]
    np.testing.assert_array_equal(device.memory[region.addr :][: region.nbytes].view("<i4"), outputs["y"])


def test_another_configuration_is_refused():
    other = AcceleratorConfig(rows=4, cols=4)
    with pytest.raises(ValueError, match="the program must be made for AcceleratorConfig"):
        ModelDevice(other).run(copying_program(), {"x": np.ones((3, 4), np.int8)})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"inputs must be \['x'\], not \[\]"),
        ({"x": np.ones((3, 4), np.int16)}, r"input x must be int8 \(3, 4\), not int16 \(3, 4\)"),
        ({"x": np.ones((4, 3), np.int8)}, r"input x must be int8 \(3, 4\), not int8 \(4, 3\)"),
    ],
)
def test_inputs_must_fit(inputs, message):
    with pytest.raises(ValueError, match=message):
        ModelDevice(CONFIG).run(copying_program(), inputs)


def test_weights_may_be_inputs():
    asm = Assembler(CONFIG)
    asm.load_broadcast(0)
    asm.load_operand(0, np.eye(4))
    asm.add(Stream(mem_addr=asm.input("b", "int8", (4, 4)), count=4))
    asm.add(Gemm(m=4, n=4, k_tiles=1, a_stride=1, clear=1, release=1))
    asm.drain_to_memory("y", 4, 4, param_mode=ParamMode.FIXED)
    device, program = ModelDevice(CONFIG), asm.program()
    for seed in range(3):
        b = np.random.default_rng(seed).integers(-128, 128, (4, 4)).astype(np.int8)
        outputs = device.run(program, {"b": weight_words(CONFIG, b).view(np.int8)}).outputs
        np.testing.assert_array_equal(undense(CONFIG, outputs["y"], 4, 4), b.T)


def test_programs_in_turn_do_not_mix_their_weights():
    device = ModelDevice(CONFIG)
    made = [random_program(CONFIG, seed) for seed in range(4)]
    alone = [ModelDevice(CONFIG).run(*run).outputs for run in made]
    for _ in range(2):
        for run, expected in zip(made, alone, strict=True):
            for name, values in device.run(*run).outputs.items():
                np.testing.assert_array_equal(values, expected[name])


def test_nothing_keeps_a_program_alive():
    device, program = ModelDevice(CONFIG), copying_program()
    device.run(program, {"x": np.ones((3, 4), np.int8)})
    gone = weakref.ref(program)
    del program
    gc.collect()
    assert gone() is None


def test_messages_say_where_and_why():
    asm = Assembler(CONFIG)
    asm.add(Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
    with pytest.raises(DeviceError, match=r"^instruction 0: DEADLOCK: waits for words of the weight stream"):
        ModelDevice(CONFIG).run(asm.program(), {})
    asm = Assembler(CONFIG)
    asm.add(Load(addr=5, count=CONFIG.scratchpad_words))
    with pytest.raises(DeviceError, match="instruction 0: OUT_OF_RANGE at address 0x5"):
        ModelDevice(CONFIG).run(asm.program(), {})


def test_a_bus_error_names_the_burst_that_leaves_the_memory():
    asm = Assembler(CONFIG)
    addr = asm.input("x", "int8", (16,))
    asm.add(Load(target=LoadTarget.SCRATCHPAD, count=256, mem_addr=addr))
    program = asm.program()
    assert program.memory_bytes % 4096 == 0
    asm.instructions[-1] = Load(target=LoadTarget.SCRATCHPAD, count=256, mem_addr=program.memory_bytes - 0x50)
    with pytest.raises(DeviceError) as caught:
        ModelDevice(CONFIG).run(asm.program(), {"x": np.zeros(16, np.int8)})
    assert (caught.value.code, caught.value.index, caught.value.addr) == (4, 0, program.memory_bytes)
