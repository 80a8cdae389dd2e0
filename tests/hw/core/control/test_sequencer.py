"""Tests of a program's life."""

from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.core.control.sequencer import Sequencer
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode
from spec.registers import Status

_CONFIG = AcceleratorConfig(
    rows=4, cols=4, acc_depth=8, scratchpad_kib=1, vector_kib=1, param_words=4, tables=1, weight_fifo_words=8
)


def _simulate(bench: Any) -> None:
    dut = Sequencer(_CONFIG)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def wrapped(ctx: Any) -> None:
        await bench(ctx, dut)

    simulator.add_testbench(wrapped)
    simulator.run()


async def _pulse(ctx: Any, signal: Any) -> None:
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def _fault(ctx: Any, fault: Any, code: int, index: int, addr: int) -> None:
    ctx.set(fault.code, code)
    ctx.set(fault.index, index)
    ctx.set(fault.addr, addr)
    await _pulse(ctx, fault.valid)


def _status(ctx: Any, dut: Sequencer) -> int:
    return int(ctx.get(dut.status.as_value()))


def _error(ctx: Any, dut: Sequencer) -> tuple[int, int, int]:
    return ctx.get(dut.error.code), ctx.get(dut.error.index), ctx.get(dut.error.addr)


def test_halt_waits_for_the_core_then_for_the_bus() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        ctx.set(dut.start, 1)
        assert ctx.get(dut.begin)
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert _status(ctx, dut) == Status.BUSY
        assert ctx.get(dut.run)
        await _fault(ctx, dut.stop, ErrorCode.NONE, 5, 0)
        assert not ctx.get(dut.run)
        await ctx.tick().repeat(3)
        assert _status(ctx, dut) == Status.BUSY
        assert not ctx.get(dut.bus_stop)
        ctx.set(dut.engines_idle, 1)
        ctx.set(dut.weights_used, 1)
        await ctx.tick().repeat(3)
        assert _status(ctx, dut) == Status.BUSY
        assert ctx.get(dut.bus_stop)
        assert not ctx.get(dut.fetch_reset)
        ctx.set(dut.bus_idle, 1)
        await ctx.tick()
        assert ctx.get(dut.fetch_reset)
        assert _status(ctx, dut) == Status.BUSY
        await ctx.tick()
        assert not ctx.get(dut.fetch_reset)
        assert _status(ctx, dut) == Status.DONE
        assert _error(ctx, dut) == (0, 0, 0)
        await _pulse(ctx, dut.start)
        assert _status(ctx, dut) == Status.BUSY

    _simulate(bench)


def test_a_broken_rule_ends_in_error_after_earlier_instructions() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        await _pulse(ctx, dut.start)
        await _fault(ctx, dut.stop, ErrorCode.ILLEGAL_FIELD, 3, 0x44)
        await ctx.tick().repeat(5)
        assert _status(ctx, dut) == Status.BUSY
        ctx.set(dut.engines_idle, 1)
        ctx.set(dut.weights_used, 1)
        ctx.set(dut.bus_idle, 1)
        await ctx.tick().repeat(4)
        assert _status(ctx, dut) == Status.ERROR
        assert _error(ctx, dut) == (ErrorCode.ILLEGAL_FIELD, 3, 0x44)
        await _pulse(ctx, dut.start)
        assert _status(ctx, dut) == Status.ERROR | Status.REFUSED

    _simulate(bench)


@pytest.mark.parametrize("finishing", [False, True])
def test_a_bus_fault_stops_at_once_and_the_first_one_stays(finishing: bool) -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        await _pulse(ctx, dut.start)
        if finishing:
            await _fault(ctx, dut.stop, ErrorCode.ILLEGAL_FIELD, 3, 0)
        await _fault(ctx, dut.write_fault, ErrorCode.BUS_WRITE, 7, 0x100)
        assert _status(ctx, dut) == Status.ERROR
        assert ctx.get(dut.bus_stop)
        await _fault(ctx, dut.read_fault, ErrorCode.BUS_READ, 8, 0x200)
        assert _status(ctx, dut) == Status.ERROR
        assert _error(ctx, dut) == (ErrorCode.BUS_WRITE, 7, 0x100)

    _simulate(bench)


def test_soft_reset_settles_scrubs_and_recovers() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        await _pulse(ctx, dut.start)
        await _fault(ctx, dut.read_fault, ErrorCode.BUS_READ, 1, 2)
        await _pulse(ctx, dut.soft_reset)
        assert _status(ctx, dut) == Status.RESETTING
        await ctx.tick().repeat(20)
        assert _status(ctx, dut) == Status.RESETTING
        assert not ctx.get(dut.scrub.en)
        ctx.set(dut.bus_idle, 1)
        await ctx.tick()
        assert ctx.get(dut.core_reset)
        assert not ctx.get(dut.scrub.en)
        await ctx.tick()
        addresses, resets = [], 0
        while _status(ctx, dut) & Status.RESETTING:
            assert ctx.get(dut.array_reset) == ctx.get(dut.core_reset)
            if ctx.get(dut.scrub.en):
                addresses.append(ctx.get(dut.scrub.addr))
            ctx.set(dut.start, len(addresses) == 5)
            ctx.set(dut.soft_reset, len(addresses) == 7)
            resets += ctx.get(dut.core_reset)
            await ctx.tick()
        assert addresses == list(range(512))
        assert resets == 1
        assert _status(ctx, dut) == Status.REFUSED
        assert _error(ctx, dut) == (0, 0, 0)
        await _pulse(ctx, dut.start)
        assert _status(ctx, dut) == Status.BUSY

    _simulate(bench)


def test_soft_reset_stops_a_running_program() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        await _pulse(ctx, dut.start)
        await _pulse(ctx, dut.soft_reset)
        assert _status(ctx, dut) == Status.RESETTING
        assert not ctx.get(dut.run)
        assert ctx.get(dut.bus_stop)
        await _fault(ctx, dut.read_fault, ErrorCode.BUS_TIMEOUT, 1, 2)
        assert _status(ctx, dut) == Status.RESETTING

    _simulate(bench)


def test_start_is_refused_unless_it_starts_and_the_next_one_forgets_that() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        await _pulse(ctx, dut.start)
        await _pulse(ctx, dut.start)
        assert not ctx.get(dut.begin)
        assert _status(ctx, dut) == Status.BUSY | Status.REFUSED
        ctx.set(dut.engines_idle, 1)
        ctx.set(dut.weights_used, 1)
        ctx.set(dut.bus_idle, 1)
        await _fault(ctx, dut.stop, ErrorCode.NONE, 5, 0)
        await ctx.tick().repeat(5)
        assert _status(ctx, dut) == Status.DONE | Status.REFUSED
        await _pulse(ctx, dut.start)
        assert _status(ctx, dut) == Status.BUSY
        await _pulse(ctx, dut.soft_reset)
        assert _status(ctx, dut) == Status.RESETTING

    _simulate(bench)


def test_start_in_the_write_of_a_soft_reset_is_refused() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        ctx.set(dut.start, 1)
        ctx.set(dut.soft_reset, 1)
        assert not ctx.get(dut.begin)
        await ctx.tick()
        assert _status(ctx, dut) == Status.RESETTING | Status.REFUSED

    _simulate(bench)


def test_weights_left_over_behind_a_broken_rule_are_dropped() -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        await _pulse(ctx, dut.start)
        await _fault(ctx, dut.stop, ErrorCode.ILLEGAL_OPCODE, 1, 0)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.array_reset)
        ctx.set(dut.engines_idle, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.array_reset)
        assert not ctx.get(dut.core_reset)
        assert not ctx.get(dut.bus_stop)
        assert _status(ctx, dut) == Status.BUSY
        ctx.set(dut.weights_used, 1)
        ctx.set(dut.bus_idle, 1)
        await ctx.tick().repeat(5)
        assert _status(ctx, dut) == Status.ERROR
        assert _error(ctx, dut) == (ErrorCode.ILLEGAL_OPCODE, 1, 0)

    _simulate(bench)


@pytest.mark.parametrize("where", ["dispatch", "halt", "broken rule"])
@pytest.mark.parametrize("idle", [False, True])
def test_what_never_moves_again_is_a_deadlock(where: str, idle: bool) -> None:
    async def bench(ctx: Any, dut: Sequencer) -> None:
        ctx.set(dut.engines_idle, idle)
        ctx.set(dut.bus_idle, 1)
        await _pulse(ctx, dut.start)
        if where != "dispatch":
            code = ErrorCode.NONE if where == "halt" else ErrorCode.ILLEGAL_FIELD
            await _fault(ctx, dut.stop, code, 9, 0x30)
        await ctx.tick().repeat(300)
        assert _status(ctx, dut) == Status.BUSY
        ctx.set(dut.stuck, 1)
        await ctx.tick().repeat(3)
        if idle:
            # Nobody uses the weights: they are dropped, which is progress.
            assert ctx.get(dut.array_reset)
            ctx.set(dut.stuck, 0)
            ctx.set(dut.weights_used, 1)
        await ctx.tick().repeat(4)
        assert _status(ctx, dut) == Status.ERROR
        assert _error(ctx, dut) == (ErrorCode.DEADLOCK, 0, 0)

    _simulate(bench)
