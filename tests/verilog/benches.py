"""cocotb benches: the emitted Verilog between independent models of both buses. Run by ``test_benches.py``."""

import os
import random
from itertools import repeat
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from spec.isa import INSTRUCTION_BYTES, ISA_VERSION
from spec.program import Program
from spec.registers import DEVICE_ID, REGISTERS, Control, Status

PERIOD_NS = 10
CYCLES_LIMIT = 1_000_000
OFFSETS = {register.name: register.offset for register in REGISTERS}


class Chip:
    """The accelerator with a host on its register bus."""

    def __init__(self, dut):
        self.dut = dut
        cocotb.start_soon(Clock(dut.clk, PERIOD_NS, "ns").start())
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)

    async def reset(self):
        """Reset as a host does after power-on: hardware first, then every memory."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 4)
        self.dut.rst.value = 0
        await self.soft_reset()

    async def soft_reset(self):
        await self.write("CONTROL", Control.SOFT_RESET)
        while await self.read("STATUS") & Status.RESETTING:
            await ClockCycles(self.dut.clk, 100)

    async def read(self, name):
        return await self.host.read_dword(OFFSETS[name])

    async def write(self, name, value):
        await self.host.write_dword(OFFSETS[name], int(value))

    async def interrupt(self):
        if not self.dut.irq.value:
            await with_timeout(RisingEdge(self.dut.irq), CYCLES_LIMIT * PERIOD_NS, "ns")


def pauses(rng, probability):
    """Yield whether a channel rests in each cycle."""
    for _ in repeat(None):
        yield rng.random() < probability


def pause_at_random(channels, seed, probability=0.4):
    for i, channel in enumerate(channels):
        channel.set_pause_generator(pauses(random.Random(f"{seed} {i}"), probability))


@cocotb.test()
async def registers(dut):
    """Every register reads as its reset value, and keeps what is written to it."""
    chip = Chip(dut)
    AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=64)
    await chip.reset()
    host = chip.host
    pause_at_random(
        [
            host.write_if.aw_channel,
            host.write_if.w_channel,
            host.write_if.b_channel,
            host.read_if.ar_channel,
            host.read_if.r_channel,
        ],
        1,
    )
    shape = [int(number) for number in os.environ["SHAPE"].split()]
    fixed = {"ID": DEVICE_ID, "VERSION": ISA_VERSION} | dict(zip(("ROWS", "COLS", "LANES"), shape, strict=True))

    async def check_reset_values():
        for register in REGISTERS:
            assert await chip.read(register.name) == fixed.get(register.name, 0), register.name

    await check_reset_values()
    for register in REGISTERS:
        if register.name == "CONTROL":
            continue
        written = 0xA5A5A5A5
        await chip.write(register.name, written)
        kept = written & ((1 << register.width) - 1) if register.access == "rw" else fixed.get(register.name, 0)
        assert await chip.read(register.name) == kept, register.name
    # Byte strobes, a soft reset that keeps the program's place, and a hardware reset that does not.
    await chip.write("PROGRAM_ADDR", 0x11223344)
    await host.write(OFFSETS["PROGRAM_ADDR"] + 2, b"\xee")
    assert await chip.read("PROGRAM_ADDR") == 0x11EE3344
    await chip.soft_reset()
    assert await chip.read("PROGRAM_ADDR") == 0x11EE3344
    await chip.reset()
    await check_reset_values()


@cocotb.test()
async def program(dut):
    """A program runs to its end as often as PAUSES has numbers, between buses that pause with that probability."""
    folder = Path(os.environ["FOLDER"])
    compiled = Program.load(folder / "program.safetensors")
    with np.load(folder / "inputs.npz") as inputs:
        image = compiled.memory_image(dict(inputs))
    chip = Chip(dut)
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=compiled.memory_bytes)
    await chip.reset()
    for run, probability in enumerate(map(float, os.environ["PAUSES"].split())):
        channels = [ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel]
        pause_at_random([*channels, ram.read_if.ar_channel, ram.read_if.r_channel], run, probability)
        if run:
            await chip.soft_reset()
        ram.write(0, image.tobytes())
        await chip.write("PROGRAM_ADDR", compiled.instructions_addr)
        await chip.write("PROGRAM_LENGTH", compiled.instructions.size // INSTRUCTION_BYTES)
        await chip.write("IRQ_ENABLE", 1)
        await chip.write("CONTROL", Control.START)
        await chip.interrupt()
        assert await chip.read("STATUS") == Status.DONE
        memory = np.frombuffer(ram.read(0, compiled.memory_bytes), np.uint8)
        np.savez(folder / f"outputs_{run}.npz", **compiled.read_outputs(memory))
