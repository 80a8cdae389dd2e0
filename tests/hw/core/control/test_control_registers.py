"""Tests of the registers behind AXI4-Lite."""

from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.core.control.control_registers import ControlRegisters
from spec.config import AcceleratorConfig
from spec.isa import ISA_VERSION
from spec.registers import COUNTERS, DEVICE_ID, REGISTERS, Control, Status
from tests.hw.bus.axi_lite_host import read_register, write_register

_CONFIG = AcceleratorConfig(rows=6, cols=3, weight_fifo_words=6)
_OFFSET = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}


def _simulate(dut: ControlRegisters, *benches: Any) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def test_constants_and_inputs_can_be_read() -> None:
    dut = ControlRegisters(_CONFIG)
    expected = {
        "ID": DEVICE_ID,
        "VERSION": ISA_VERSION,
        "CONTROL": 0,
        "STATUS": 0b1010,
        "ERROR_CODE": 5,
        "ERROR_INDEX": 0x12345678,
        "ERROR_ADDR": 0xFFFFFFF0,
        "ROWS": 6,
        "COLS": 3,
        "LANES": 3,
    }

    async def bench(ctx: Any) -> None:
        ctx.set(dut.status.as_value(), 0b1010)
        ctx.set(dut.error.code, 5)
        ctx.set(dut.error.index, 0x12345678)
        ctx.set(dut.error.addr, 0xFFFFFFF0)
        for number in range(len(COUNTERS)):
            ctx.set(dut.counters[number], (number << 40) + 3 * number)
        for name, value in expected.items():
            assert await read_register(ctx, dut.axil, _OFFSET[name]) == value, name
        for number, counter in enumerate(COUNTERS):
            low = await read_register(ctx, dut.axil, counter.offset)
            high = await read_register(ctx, dut.axil, counter.offset + 4)
            assert (high << 32) + low == (number << 40) + 3 * number
        assert await read_register(ctx, dut.axil, 0x34) == 0
        assert await read_register(ctx, dut.axil, 0xFFC) == 0

    _simulate(dut, bench)


def test_only_writable_registers_keep_what_is_written() -> None:
    dut = ControlRegisters(_CONFIG)

    async def bench(ctx: Any) -> None:
        for register in REGISTERS:
            before = await read_register(ctx, dut.axil, register.offset)
            await write_register(ctx, dut.axil, register.offset, 0xFFFFFFFF)
            after = await read_register(ctx, dut.axil, register.offset)
            assert after == ((1 << register.width) - 1 if register.access == "rw" else before), register.name
        await write_register(ctx, dut.axil, 0x34, 0xFFFFFFFF)
        await write_register(ctx, dut.axil, _OFFSET["cycles"], 0xFFFFFFFF)
        assert await read_register(ctx, dut.axil, _OFFSET["cycles"]) == 0

    _simulate(dut, bench)


def test_a_running_program_keeps_the_length_that_it_was_started_with() -> None:
    dut = ControlRegisters(_CONFIG)

    async def bench(ctx: Any) -> None:
        await write_register(ctx, dut.axil, _OFFSET["PROGRAM_LENGTH"], 5)
        await ctx.tick()
        ctx.set(dut.status.busy, 1)
        await write_register(ctx, dut.axil, _OFFSET["PROGRAM_LENGTH"], 9)
        assert await read_register(ctx, dut.axil, _OFFSET["PROGRAM_LENGTH"]) == 9
        assert ctx.get(dut.program_length) == 5
        ctx.set(dut.status.busy, 0)
        await ctx.tick()
        assert ctx.get(dut.program_length) == 9

    _simulate(dut, bench)


def test_byte_strobes_count() -> None:
    dut = ControlRegisters(_CONFIG)
    offset = _OFFSET["PROGRAM_ADDR"]

    async def bench(ctx: Any) -> None:
        await write_register(ctx, dut.axil, offset, 0x11223344)
        await write_register(ctx, dut.axil, offset, 0xAABBCCDD, strobes=0b0101)
        assert await read_register(ctx, dut.axil, offset) == 0x11BB33DD
        await write_register(ctx, dut.axil, offset, 0, strobes=0)
        assert ctx.get(dut.program_addr) == 0x11BB33DD

    _simulate(dut, bench)


@pytest.mark.parametrize("value", [0, Control.START, Control.SOFT_RESET, Control.START | Control.SOFT_RESET])
def test_control_gives_one_pulse(value: int) -> None:
    dut = ControlRegisters(_CONFIG)
    pulses = [0, 0]

    async def bench(ctx: Any) -> None:
        await write_register(ctx, dut.axil, _OFFSET["CONTROL"], int(value))
        await write_register(ctx, dut.axil, _OFFSET["CONTROL"], int(value), strobes=0b1110)
        await ctx.tick().repeat(3)

    async def watch(ctx: Any) -> None:
        async for _, _, start, soft_reset in ctx.tick().sample(dut.start, dut.soft_reset):
            pulses[0] += start
            pulses[1] += soft_reset

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert pulses == [value & 1, value >> 1]


def test_irq_is_done_or_error_when_enabled() -> None:
    dut = ControlRegisters(_CONFIG)

    async def bench(ctx: Any) -> None:
        for enable in (0, 1):
            await write_register(ctx, dut.axil, _OFFSET["IRQ_ENABLE"], enable)
            for status in range(1 << len(Status)):
                ctx.set(dut.status.as_value(), status)
                assert ctx.get(dut.irq) == (enable & bool(status & 0b0110))

    _simulate(dut, bench)


def test_answers_wait_for_the_host_and_addresses_may_come_apart_from_data() -> None:
    dut = ControlRegisters(_CONFIG)
    axil = dut.axil

    async def bench(ctx: Any) -> None:
        ctx.set(axil.awaddr, _OFFSET["PROGRAM_LENGTH"])
        ctx.set(axil.awvalid, 1)
        await ctx.tick().repeat(3)
        assert not ctx.get(axil.awready)
        ctx.set(axil.wdata, 77)
        ctx.set(axil.wstrb, 0b1111)
        ctx.set(axil.wvalid, 1)
        await ctx.tick()
        assert ctx.get(axil.bvalid)
        ctx.set(axil.wdata, 99)
        await ctx.tick().repeat(3)
        assert ctx.get(axil.bvalid)
        assert not ctx.get(axil.wready)
        assert ctx.get(dut.program_length) == 77
        ctx.set(axil.bready, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.program_length) == 99

    _simulate(dut, bench)
