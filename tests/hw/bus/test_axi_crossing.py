"""A bus from one clock to another: bytes, order, the slower clock's full rate."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bus.axi_crossing import AxiCrossing
from tests.hw.bus.axi_master import AxiMaster, random_burst
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.axi_monitor import AxiMonitor

CLOCKS = [(10.0, 10.0), (10.0, 7.5), (12.5, 7.5), (7.5, 10.0), (10.0, 31.0), (31.0, 10.0)]
"""Periods of master and slave."""

HALF = 1 << 13


def _run(
    clocks: tuple[float, float], bursts: Sequence[tuple[int, int]], *, stall: tuple[float, float] = (0.0, 0.0)
) -> tuple[AxiMonitor, AxiMonitor]:
    """Read and write bursts, given as address and bytes, and check all bytes; return monitors of both sides."""
    rng = Random(6)
    memory = AxiMemory(np.frombuffer(rng.randbytes(2 * HALF), np.uint8).copy(), 4, stall=stall[1])
    expected = memory.data.copy()
    master = AxiMaster(4, stall=stall[0], domain="host")
    for addr, size in bursts:
        master.reads.append((addr, memory.data[addr : addr + size].tobytes()))
        master.writes.append((HALF + addr, rng.randbytes(size)))
        expected[HALF + addr : HALF + addr + size] = np.frombuffer(master.writes[-1][1], np.uint8)
    master.bad = {master.reads[2][0], master.writes[3][0]}
    memory.bad_reads = memory.bad_writes = master.bad

    dut = AxiCrossing(4, master_domain="host", slave_domain="sync")
    near, far = AxiMonitor(), AxiMonitor()

    async def read(ctx: Any) -> None:
        await master.read(ctx, dut.s_axi_read)

    async def write(ctx: Any) -> None:
        await master.write(ctx, dut.s_axi_write)

    async def serve_reads(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.m_axi_read)

    async def serve_writes(ctx: Any) -> None:
        await memory.serve_writes(ctx, dut.m_axi_write)

    async def watch_reads(ctx: Any) -> None:
        await far.watch(ctx, dut.m_axi_read, "ar", "r")

    async def watch_writes(ctx: Any) -> None:
        await far.watch(ctx, dut.m_axi_write, "aw", "w", "b")

    async def watch_answers(ctx: Any) -> None:
        await near.watch(ctx, dut.s_axi_read, "r", domain="host")

    async def watch_responses(ctx: Any) -> None:
        await near.watch(ctx, dut.s_axi_write, "b", domain="host")

    simulator = Simulator(dut)
    simulator.add_clock(clocks[0] * 1e-9, domain="host")
    simulator.add_clock(clocks[1] * 1e-9, phase=(clocks[1] / 2 + 1) * 1e-9)
    simulator.add_testbench(read)
    simulator.add_testbench(write)
    for bench in (serve_reads, serve_writes, watch_reads, watch_writes, watch_answers, watch_responses):
        simulator.add_testbench(bench, background=True)
    simulator.run()
    assert (memory.data == expected).all()
    assert memory.reads == [(addr, size // 4) for addr, size in bursts]
    assert memory.writes == [(HALF + addr, size // 4) for addr, size in bursts]
    return near, far


@pytest.mark.parametrize("clocks", CLOCKS)
@pytest.mark.parametrize("stall", [(0.3, 0.3), (0.8, 0.0), (0.0, 0.8)])
def test_bytes_order_and_errors_are_kept(clocks: tuple[float, float], stall: tuple[float, float]) -> None:
    rng, bursts, taken = Random(7), [], set[int]()
    while len(bursts) < 12:
        addr, size = random_burst(rng, 0, HALF, 4)
        if not taken & set(range(addr, addr + size)):
            taken |= set(range(addr, addr + size))
            bursts.append((addr, size))
    _run(clocks, bursts, stall=stall)


@pytest.mark.parametrize("clocks", CLOCKS)
def test_long_bursts_run_at_the_slower_clock(clocks: tuple[float, float]) -> None:
    count = 20
    near, far = _run(clocks, [(64 * n, 64) for n in range(count)])
    slower = max(clocks)
    for monitor, channel, period in ((near, "r", clocks[0]), (far, "w", clocks[1])):
        cycles = monitor.cycles[channel]
        assert len(cycles) == 16 * count
        assert (cycles[-1] - cycles[0]) * period <= 16 * count * slower
