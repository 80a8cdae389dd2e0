"""Several masters on one slave: bytes, order, turns, no idle cycles."""

from itertools import product
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.bus.axi import payload_of
from hw.bus.axi_arbiter import AxiArbiter
from tests.hw.bus.axi_master import AxiMaster
from tests.hw.bus.axi_monitor import AxiMonitor
from tests.hw.bus.shared_slave import Picker, pick, run, steady
from tests.hw.refusal import assert_refused
from tests.long import long_but


def _make(masters: int) -> AxiArbiter:
    return AxiArbiter(4, masters)


@pytest.mark.parametrize(("masters", "stall"), long_but([(2, 0.0), (3, 0.7)], product((2, 3), (0.0, 0.3, 0.7))))
def test_everyone_gets_their_own_bytes_and_errors(masters: int, stall: float) -> None:
    run(_make, [pick] * masters, 25, stall=stall, bad=True)


@pytest.mark.parametrize("one_at_a_time", [False, True])
@pytest.mark.parametrize("beats", [[16, 16], [4, 4], [16, 3], [2, 2, 2]])
def test_no_cycle_is_lost_between_bursts(beats: list[int], one_at_a_time: bool) -> None:
    _, monitor = run(_make, [steady(count) for count in beats], 24, one_at_a_time=one_at_a_time)
    assert monitor.gaps("r") == 0
    assert monitor.gaps("w") == 0


@pytest.mark.parametrize("pickers", [[steady(16), None], [None, steady(16)]])
def test_one_master_alone_loses_no_cycle(pickers: list[Picker | None]) -> None:
    _, monitor = run(_make, pickers, 20, latency=30)
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
    _, monitor = run(_make, [steady(1), steady(1)], 60)
    assert monitor.gaps("ar") == 0
    assert monitor.gaps("r") == 0


@pytest.mark.parametrize(("masters", "stall"), long_but([(3, 0.0), (2, 0.4)], product((2, 3), (0.0, 0.4))))
def test_nobody_waits_for_more_than_one_burst_of_each_other(masters: int, stall: float) -> None:
    """The first ones ask without a pause for long bursts, the last one now and then for short ones."""
    greedy = [steady(16)] * (masters - 1)
    served, _ = run(_make, [*greedy, steady(1)], 40, stall=stall)
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
