"""Several masters on one slave: bytes, order, turns, no idle cycles."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bus.axi import payload_of
from hw.bus.axi_arbiter import AxiArbiter
from tests.hw.bus.axi_master import AxiMaster, random_burst
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.axi_monitor import AxiMonitor
from tests.hw.refusal import assert_refused

HALF = 1 << 14
"""Below are the bytes that are read, above those that are written, a part for each master."""

Picker = Callable[[int, Random], tuple[int, int]]
"""From the number of a burst to its address, below `HALF`, and bytes."""


def _pick(_number: int, rng: Random) -> tuple[int, int]:
    return random_burst(rng, 0, HALF // 4, 4)


def _run(
    pickers: Sequence[Picker | None], bursts: int, *, bad: bool = False, latency: int = 4, **options: Any
) -> tuple[list[AxiMaster], AxiMonitor]:
    """Let each master read and write, but for those without a picker, and check all bytes."""
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

    dut, monitor = AxiArbiter(4, len(masters)), AxiMonitor()
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


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("masters", [2, 3])
def test_everyone_gets_their_own_bytes_and_errors(masters: int, stall: float) -> None:
    _run([_pick] * masters, 25, stall=stall, bad=True)


def _steady(beats: int) -> Picker:
    return lambda number, _rng: (64 * (number % 32), 4 * beats)


@pytest.mark.parametrize("one_at_a_time", [False, True])
@pytest.mark.parametrize("beats", [[16, 16], [4, 4], [16, 3], [2, 2, 2]])
def test_no_cycle_is_lost_between_bursts(beats: list[int], one_at_a_time: bool) -> None:
    _, monitor = _run([_steady(count) for count in beats], 24, one_at_a_time=one_at_a_time)
    assert monitor.gaps("r") == 0
    assert monitor.gaps("w") == 0


@pytest.mark.parametrize("pickers", [[_steady(16), None], [None, _steady(16)]])
def test_one_master_alone_loses_no_cycle(pickers: list[Picker | None]) -> None:
    _, monitor = _run(pickers, 20, latency=30)
    assert monitor.gaps("r") == monitor.gaps("w") == 0
    assert monitor.cycles["ar"][15] == monitor.cycles["ar"][0] + 15, "addresses go ahead"


def test_bursts_begun_one_after_the_other_lose_no_cycle() -> None:
    """The slave takes data with or before their address."""
    dut, monitor = AxiArbiter(4), AxiMonitor()
    master = AxiMaster(4, writes=[(64 * n, bytes(4 * n + 4)) for n in range(10)], one_at_a_time=True)

    async def slave(ctx: Any) -> None:
        ctx.set(dut.m_axi_write.awready, 1)
        ctx.set(dut.m_axi_write.wready, 1)
        await ctx.tick().repeat(80)
        ctx.set(dut.m_axi_write.bvalid, 1)

    async def write(ctx: Any) -> None:
        await master.write(ctx, dut.s_axi_write[1])

    async def watch(ctx: Any) -> None:
        await monitor.watch(ctx, dut.m_axi_write, "w")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(slave)
    simulator.add_testbench(write)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert len(monitor.cycles["w"]) == 55
    assert monitor.gaps("w") == 0


def test_bursts_of_one_beat_are_read_in_every_cycle() -> None:
    _, monitor = _run([_steady(1), _steady(1)], 60)
    assert monitor.gaps("ar") == 0
    assert monitor.gaps("r") == 0


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("masters", [2, 3])
def test_nobody_waits_for_more_than_one_burst_of_each_other(masters: int, stall: float) -> None:
    """The first ones ask without a pause for long bursts, the last one now and then for short ones."""
    greedy = [_steady(16)] * (masters - 1)
    served, _ = _run([*greedy, _steady(1)], 40, stall=stall)
    for kind in ("read", "write"):
        for master in served:
            asked, granted = getattr(master, f"{kind}_asked"), getattr(master, f"{kind}_granted")
            for begin, end in zip(asked, granted, strict=True):
                for other in served:
                    between = [cycle for cycle in getattr(other, f"{kind}_granted") if begin <= cycle < end]
                    assert other is master or len(between) <= 1


def test_latency_is_as_documented_and_no_path_leads_through() -> None:
    dut = AxiArbiter(4)
    read, write = dut.s_axi_read, dut.s_axi_write
    slave_read, slave_write = dut.m_axi_read, dut.m_axi_write

    async def bench(ctx: Any) -> None:
        def offer(axi: Any, channel: str, value: int) -> None:
            """Offer and check that no output but the registers' follows within the cycle."""
            outputs = [slave_read.arvalid, slave_write.awvalid, slave_write.wvalid]
            outputs += [bus.arready for bus in read] + [ready for bus in write for ready in (bus.awready, bus.wready)]
            before = [ctx.get(output) for output in outputs]
            ctx.set(getattr(axi, channel + "valid"), value)
            assert [ctx.get(output) for output in outputs] == before

        # An address of who has the turn, and one of who has not.
        for number, cycles in ((0, 1), (1, 2), (1, 1), (0, 2)):
            ctx.set(read[number].araddr, 64 + number)
            offer(read[number], "ar", 1)
            for _ in range(cycles - 1):
                await ctx.tick()
                assert not ctx.get(slave_read.arvalid)
            assert ctx.get(read[number].arready)
            await ctx.tick()
            offer(read[number], "ar", 0)
            assert ctx.get(slave_read.arvalid) and ctx.get(slave_read.araddr) == 64 + number
            ctx.set(slave_read.arready, 1)
            await ctx.tick()
            ctx.set(slave_read.arready, 0)

        # Data, with their address and after it.
        for early in (True, False):
            ctx.set(write[0].wdata, 9)
            ctx.set(write[0].wlast, 1)
            offer(write[0], "aw", 1)
            if early:
                offer(write[0], "w", 1)
            await ctx.tick()
            offer(write[0], "aw", 0)
            if not early:
                offer(write[0], "w", 1)
                assert not ctx.get(slave_write.wvalid)
                await ctx.tick()
            offer(write[0], "w", 0)
            assert ctx.get(slave_write.wvalid) and ctx.get(slave_write.wdata) == 9
            assert ctx.get(slave_write.awvalid)
            ctx.set(slave_write.wready, 1)
            ctx.set(slave_write.awready, 1)
            await ctx.tick()
            assert not ctx.get(slave_write.wvalid)
            ctx.set(slave_write.wready, 0)
            ctx.set(slave_write.awready, 0)
        await ctx.tick()

        # Answers within the cycle.
        ctx.set(payload_of(slave_read, "r"), -1)
        ctx.set(slave_read.rvalid, 1)
        ctx.set(slave_write.bvalid, 1)
        assert [ctx.get(bus.rvalid) for bus in read] == [1, 0]
        assert [ctx.get(bus.bvalid) for bus in write] == [1, 0]
        assert ctx.get(read[0].rdata) == 0xFFFF_FFFF
        assert not ctx.get(slave_read.rready)
        ctx.set(read[0].rready, 1)
        assert ctx.get(slave_read.rready)
        ctx.set(read[0].rready, 0)
        ctx.set(read[1].rready, 1)
        assert not ctx.get(slave_read.rready)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_no_more_bursts_are_under_way_than_it_remembers() -> None:
    dut = AxiArbiter(4, outstanding=3)
    granted = 0

    async def bench(ctx: Any) -> None:
        nonlocal granted
        ctx.set(dut.m_axi_read.arready, 1)
        for axi in dut.s_axi_read:
            ctx.set(axi.arvalid, 1)
        for _ in range(20):
            _, _, *ready = await ctx.tick().sample(*(axi.arready for axi in dut.s_axi_read))
            granted += sum(ready)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert granted == 3


def test_parameters_are_checked() -> None:
    assert_refused("^masters must be at least 2, not 1$", AxiArbiter, 4, 1)
    assert_refused("^outstanding must be at least 2, not 1$", AxiArbiter, 4, outstanding=1)
