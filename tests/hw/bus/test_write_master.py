"""Tests of the write master."""

from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bus.write_master import WriteMaster
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.streams import send


def _run(
    lanes: int, drains: list[tuple[int, np.ndarray[Any, Any]]], memory: AxiMemory, seed: int = 1
) -> tuple[int, list[tuple[int, int, int]]]:
    """Write drains of (address, int32 chunks); return the ``done`` pulses and the faults seen."""
    config = AcceleratorConfig(
        rows=lanes, cols=lanes, lanes=lanes, weight_fifo_words=256, bus_bytes=memory.bus_bytes, timeout_cycles=256
    )
    dut = WriteMaster(config)
    done = 0
    faults: list[tuple[int, int, int]] = []

    async def source(ctx: Any) -> None:
        random = Random(seed)
        for addr, chunks in drains:
            for number, chunk in enumerate(chunks):
                while random.random() < memory.stall:
                    await ctx.tick()
                values = [int(value) for value in chunk]
                await send(ctx, dut.i, {"data": values, "addr": addr, "last": number == len(chunks) - 1})

    async def indices(ctx: Any) -> None:
        for index in range(len(drains)):
            await send(ctx, dut.index, 40 + index)

    async def watch(ctx: Any) -> None:
        nonlocal done
        cycles = 0
        while done + len(faults) < len(drains):
            _, _, pulse, fault, code, index, addr = await ctx.tick().sample(
                dut.done, dut.fault.valid, dut.fault.code, dut.fault.index, dut.fault.addr
            )
            done += pulse
            if fault:
                faults.append((code, index, addr))
            cycles += 1
            assert cycles < 20000
        await ctx.tick().repeat(3)
        assert ctx.get(dut.idle) or faults

    async def serve(ctx: Any) -> None:
        await memory.serve_writes(ctx, dut.axi)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    simulator.add_testbench(indices, background=True)
    simulator.add_testbench(watch)
    simulator.add_testbench(serve, background=True)
    simulator.run()
    return done, faults


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("lanes", [1, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("bus_bytes", [4, 16, 64])
def test_writes_exactly_the_chunks(lanes: int, bus_bytes: int, stall: float) -> None:
    rng = np.random.default_rng(lanes * 100 + bus_bytes)
    memory = AxiMemory(np.full(1 << 14, 0xA5, np.uint8), bus_bytes, stall=stall, latency=7)
    expected = memory.data.copy()
    drains, addr = [], 4096 - 3 * bus_bytes
    for count in (1, 2, 37, 5):
        chunks = rng.integers(-(1 << 31), 1 << 31, (count, lanes), np.int64)
        drains.append((addr, chunks))
        raw = chunks.astype("<i4").tobytes()
        expected[addr : addr + len(raw)] = np.frombuffer(raw, np.uint8)
        addr += len(raw) + bus_bytes
        addr -= addr % bus_bytes
    done, faults = _run(lanes, drains, memory)
    assert (done, faults) == (len(drains), [])
    np.testing.assert_array_equal(memory.data, expected)
    assert any(beats == 16 for _, beats in memory.writes) or lanes * 4 * 37 < 16 * bus_bytes


def test_reports_a_write_error() -> None:
    memory = AxiMemory(np.zeros(1 << 12, np.uint8), 16, bad_writes={0x200})
    drains = [(0x100, np.ones((2, 4))), (0x200, np.ones((2, 4)))]
    assert _run(4, drains, memory) == (1, [(ErrorCode.BUS_WRITE, 41, 0x200)])


@pytest.mark.parametrize("latency", [4, 100000])
def test_reports_a_timeout(latency: int) -> None:
    memory = AxiMemory(np.zeros(1 << 12, np.uint8), 16, latency=latency, dead=latency == 4)
    assert _run(4, [(0x100, np.ones((2, 4)))], memory) == (0, [(ErrorCode.BUS_TIMEOUT, 40, 0x100)])
