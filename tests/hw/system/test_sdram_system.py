"""Link, accelerator and memory together, from the serial line to the chip."""

import numpy as np
import pytest

from hw.sdram.pins import WORD_BYTES
from hw.system.sdram_system import SdramSystem
from spec.device import DeviceError
from spec.isa import INSTRUCTION_BYTES, Gemm, Halt
from spec.presets import PRESETS
from spec.registers import DEVICE_ID, Control, Status
from tests.conformance.assembler import Assembler, undense
from tests.conformance.configs import MICRO_4X3
from tests.hw.refusal import assert_refused
from tests.hw.system.board import CHIP, Host, memory_words
from tests.long import long_but

CHIP_BYTES = WORD_BYTES * CHIP.words

CONFIGS = {"4x3 micro": MICRO_4X3, "tiny": PRESETS["tiny"]}
"""One of each core; that of the first is the quicker to simulate."""


@pytest.mark.parametrize("name", long_but(["4x3 micro"], CONFIGS))
def test_host_reaches_memory_and_registers_and_runs_a_program(name: str) -> None:
    host = Host(CONFIGS[name], clock_hz=50e6, sdram_hz=80e6)
    addr, program = CHIP_BYTES // 2 + 8, Halt().encode()
    host.client.write_memory(addr, program)
    assert host.peek(addr - 8, INSTRUCTION_BYTES + 16) == bytes(8) + program + bytes(8)
    assert host.client.read_memory(addr, INSTRUCTION_BYTES) == program
    with pytest.raises(
        DeviceError, match=rf"^READ_MEMORY of 4 bytes at {CHIP_BYTES:#x}: the bus answered with an error$"
    ):
        host.client.read_memory(CHIP_BYTES, 4)
    assert host.read("ID") == DEVICE_ID

    host.write("CONTROL", Control.SOFT_RESET)
    assert host.wait() == 0
    host.write("PROGRAM_ADDR", addr)
    host.write("PROGRAM_LENGTH", 1)
    host.write("CONTROL", Control.START)
    assert host.wait() == Status.DONE
    assert not host.irq
    host.write("IRQ_ENABLE", 1)
    assert host.irq
    assert host.violations == {}


@pytest.mark.long
def test_host_uses_the_memory_while_a_program_does() -> None:
    config = PRESETS["tiny"]
    m, n, k = 16, 24, 64
    rng = np.random.default_rng(3)
    a, b, bias = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (n, k)), rng.integers(-1000, 1000, n)
    assembler = Assembler(config)
    assembler.stream(b)
    k_tiles = assembler.load_operand(0, a)
    assembler.load_params(0, bias=bias)
    assembler.add(Gemm(m=m, n=n, k_tiles=k_tiles, a_addr=0, a_stride=k_tiles, clear=1, release=1))
    assembler.drain_to_memory("c", m, n)
    program = assembler.program()
    host = Host(config, clock_hz=50e6, sdram_hz=35e6, words=memory_words(program))

    host.write("PROGRAM_ADDR", program.instructions_addr)
    host.write("PROGRAM_LENGTH", len(program.instructions) // INSTRUCTION_BYTES)
    host.write("CONTROL", Control.START)
    data = rng.bytes(16)
    addr = CHIP_BYTES - len(data)
    host.client.write_memory(addr, data)
    assert host.client.read_memory(addr, len(data)) == data
    assert host.read("STATUS") == Status.BUSY, "the program still runs"
    assert host.wait() == Status.DONE

    region = program.outputs["c"]
    values = np.frombuffer(host.peek(region.addr, region.nbytes), np.int32)
    np.testing.assert_array_equal(undense(config, values, m, n), a @ b.T + bias)
    assert host.violations == {}


def test_parameters_are_checked() -> None:
    tiny = PRESETS["tiny"]
    assert_refused("^baud must be ", SdramSystem, tiny, CHIP, clock_hz=50e6, sdram_hz=80e6, baud=20e6)
    assert_refused("^clock_hz must be ", SdramSystem, tiny, CHIP, clock_hz=50e6, sdram_hz=200e6, baud=3e6)
    wide = PRESETS["large_32x32"]
    assert_refused(
        "^bus_bytes must be 2, 4, 8 or 16, not 32", SdramSystem, wide, CHIP, clock_hz=50e6, sdram_hz=80e6, baud=3e6
    )
