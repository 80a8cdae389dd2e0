"""A program whose instructions, weights and operands come from the flash, and whose result goes to the RAM."""

import random
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from host.board.relocate import relocate
from hw.accelerator import Accelerator
from hw.flash.memory import FlashMemory
from sim.chips.flash import FlashModel
from spec.config import AcceleratorConfig
from spec.flash_chip import FlashChip
from spec.isa import Gemm
from spec.program import Program
from spec.registers import COUNTERS, REGISTERS, Control, Status
from tests.conformance.assembler import Assembler, undense
from tests.hw.bus.axi_lite_host import read_register, write_register
from tests.hw.flash.system import CLOCK_HZ, violations
from tests.hw.sdram.system import receive, request

CHIP = FlashChip(size=1 << 15)
DATA_ADDR = 1 << 12
CONFIG = AcceleratorConfig(
    rows=2,
    cols=2,
    lanes=1,
    bus_bytes=4,
    scratchpad_kib=1,
    vector_kib=1,
    param_words=16,
    tables=1,
    acc_depth=16,
    weight_fifo_words=32,
    queue_depth=4,
    timeout_cycles=2000,
)
OFFSET = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}


class Chip(Elaboratable):
    """Accelerator, memory and flash; while ``by_host``, reads are those of ``read`` instead of the accelerator's."""

    def __init__(self, content: bytes) -> None:
        self.accelerator = Accelerator(CONFIG)
        self.memory = FlashMemory(CHIP, CLOCK_HZ)
        self.model = FlashModel(CHIP, CLOCK_HZ, init=content)
        self.by_host = Signal()
        self.read = self.memory.axi_read.signature.flip().create()

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.accelerator, m.submodules.memory, m.submodules.model = self.accelerator, self.memory, self.model
        wiring.connect(m, self.memory.pins, self.model.pins)
        wiring.connect(m, self.accelerator.m_axi_write, self.memory.axi_write)
        core, slave = self.accelerator.m_axi_read, self.memory.axi_read
        for name, member in slave.signature.members.items():
            if member.flow == In:
                m.d.comb += getattr(slave, name).eq(Mux(self.by_host, getattr(self.read, name), getattr(core, name)))
            else:
                m.d.comb += [
                    getattr(self.read, name).eq(getattr(slave, name)),
                    getattr(core, name).eq(getattr(slave, name)),
                ]
        return m


def product(m: int, n: int, k: int) -> tuple[Program, Any]:
    rng = np.random.default_rng(k)
    a, b, bias = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (n, k)), rng.integers(-999, 999, n)
    assembler = Assembler(CONFIG)
    assembler.stream(b)
    k_tiles = assembler.load_operand(0, a)
    assembler.load_params(0, bias=bias)
    assembler.add(Gemm(m=m, n=n, k_tiles=k_tiles, a_addr=0, a_stride=k_tiles, clear=1, release=1))
    assembler.drain_to_memory("c", m, n)
    return relocate(assembler.program(), read_only=DATA_ADDR, writable=CHIP.size), a @ b.T + bias


def test_program_runs_from_the_flash() -> None:
    program, expected = product(9, 6, 20)
    content = bytearray(random.Random(0).randbytes(CHIP.size))
    for addr, part in ((program.constants_addr, program.constants), (program.instructions_addr, program.instructions)):
        content[addr : addr + len(part)] = part.tobytes()
    chip = Chip(bytes(content))

    async def bench(ctx: Any) -> None:
        axil = chip.accelerator.s_axil
        await write_register(ctx, axil, OFFSET["PROGRAM_ADDR"], program.instructions_addr)
        await write_register(ctx, axil, OFFSET["PROGRAM_LENGTH"], len(program.instructions) // 32)
        await write_register(ctx, axil, OFFSET["CONTROL"], Control.START)
        for _ in range(500):
            await ctx.tick().repeat(20)
            status = await read_register(ctx, axil, OFFSET["STATUS"])
            if not status & Status.BUSY:
                break
        assert not status & (Status.BUSY | Status.ERROR)
        ctx.set(chip.by_host, 1)
        region = program.outputs["c"]
        words = []
        for addr in range(region.addr, region.addr + region.nbytes, 4):
            await request(ctx, chip.read, "ar", addr, 1)
            words.append((await receive(ctx, chip.read))[0])
        found = np.array(words, np.uint32).view(np.int32)
        np.testing.assert_array_equal(undense(CONFIG, found, *expected.shape), expected)
        assert violations(ctx, chip.model) == {}

    simulator = Simulator(chip)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
