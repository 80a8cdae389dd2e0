"""Masters on one slave: everybody's bytes, checked."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from tests.hw.bus.axi_master import AxiMaster, random_burst
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.axi_monitor import AxiMonitor

__all__ = ["Picker", "pick", "run", "steady"]

HALF = 1 << 14
"""Below are the bytes that are read, above those that are written, a part for each master."""

Picker = Callable[[int, Random], tuple[int, int]]
"""From the number of a burst to its address, below `HALF`, and bytes."""


def pick(_number: int, rng: Random) -> tuple[int, int]:
    """Pick any burst."""
    return random_burst(rng, 0, HALF // 4, 4)


def run(
    make: Callable[[int], Any],
    pickers: Sequence[Picker | None],
    bursts: int,
    *,
    bad: bool = False,
    latency: int = 4,
    **options: Any,
) -> tuple[list[AxiMaster], AxiMonitor]:
    """Let each master of what ``make`` makes read and write, but for those without a picker, and check all bytes."""
    rng = Random(5)
    content = np.frombuffer(rng.randbytes(2 * HALF), np.uint8).copy()
    memory = AxiMemory(content, 4, stall=options.get("stall", 0.0), latency=latency)
    expected = memory.data.copy()
    masters = []
    for number, pick in enumerate(pickers):
        master = AxiMaster(4, seed=number, **options)
        for burst in range(bursts if pick else 0):
            addr, size = pick(burst, rng)
            addr += number * HALF // 4
            master.reads.append((addr, memory.data[addr : addr + size].tobytes()))
            data = rng.randbytes(size)
            master.writes.append((HALF + addr, data))
            expected[HALF + addr : HALF + addr + size] = np.frombuffer(data, np.uint8)
        if bad:
            master.bad = {addr for addr, _ in master.reads[::3] + master.writes[::3]}
            memory.bad_reads |= master.bad
            memory.bad_writes |= master.bad
        masters.append(master)

    dut, monitor = make(len(masters)), AxiMonitor()
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for number, master in enumerate(masters):

        async def read(ctx: Any, master: AxiMaster = master, axi: Any = dut.s_axi_read[number]) -> None:
            await master.read(ctx, axi)

        async def write(ctx: Any, master: AxiMaster = master, axi: Any = dut.s_axi_write[number]) -> None:
            await master.write(ctx, axi)

        simulator.add_testbench(read)
        simulator.add_testbench(write)

    async def serve_reads(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.m_axi_read)

    async def serve_writes(ctx: Any) -> None:
        await memory.serve_writes(ctx, dut.m_axi_write)

    async def watch_reads(ctx: Any) -> None:
        await monitor.watch(ctx, dut.m_axi_read, "ar", "r")

    async def watch_writes(ctx: Any) -> None:
        await monitor.watch(ctx, dut.m_axi_write, "aw", "w", "b")

    for bench in (watch_reads, watch_writes, serve_reads, serve_writes):
        simulator.add_testbench(bench, background=True)
    simulator.run()
    assert (memory.data == expected).all()
    return masters, monitor


def steady(beats: int) -> Picker:
    """Pick bursts of so many beats, one after the other."""
    return lambda number, _rng: (64 * (number % 32), 4 * beats)
