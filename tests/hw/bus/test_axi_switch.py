"""Two masters on one slave, a burst at a time: bytes, errors, turns."""

from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.bus.axi_switch import AxiSwitch
from tests.hw.bus.shared_slave import Picker, pick, run, steady


def _make(masters: int) -> AxiSwitch:
    assert masters == 2
    return AxiSwitch(4)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_everyone_gets_their_own_bytes_and_errors(stall: float) -> None:
    run(_make, [pick, pick], 25, stall=stall, bad=True)


@pytest.mark.parametrize("pickers", [[steady(16), None], [None, steady(16)]])
def test_one_master_alone_waits_only_between_bursts(pickers: list[Picker | None]) -> None:
    _, monitor = run(_make, pickers, 10)
    cycles = monitor.cycles["r"]
    bursts = [cycles[first : first + 16] for first in range(0, len(cycles), 16)]
    assert all(burst == list(range(burst[0], burst[0] + 16)) for burst in bursts)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_nobody_waits_for_more_than_one_burst_of_the_other(stall: float) -> None:
    """One asks without a pause for long bursts, the other now and then for short ones."""
    served, _ = run(_make, [steady(16), steady(1)], 30, stall=stall, one_at_a_time=True)
    for kind in ("read", "write"):
        for master, other in (served, served[::-1]):
            asked, granted = getattr(master, f"{kind}_asked"), getattr(master, f"{kind}_granted")
            for begin, end in zip(asked, granted, strict=True):
                between = [cycle for cycle in getattr(other, f"{kind}_granted") if begin <= cycle < end]
                assert len(between) <= 1


def test_latency_is_as_documented_and_turns_alternate() -> None:
    dut = AxiSwitch(4)
    slave = dut.m_axi_read

    async def bench(ctx: Any) -> None:
        for number, axi in enumerate(dut.s_axi_read):
            ctx.set(axi.arvalid, 1)
            ctx.set(axi.araddr, number)
            ctx.set(axi.rready, 1)
        for turn in (1, 0, 1, 0):
            assert not ctx.get(slave.arvalid)
            await ctx.tick()
            assert ctx.get(slave.arvalid) and ctx.get(slave.araddr) == turn
            assert not ctx.get(dut.s_axi_read[turn].arready)
            ctx.set(slave.arready, 1)
            assert [ctx.get(axi.arready) for axi in dut.s_axi_read] == [turn == 0, turn == 1]
            await ctx.tick()
            assert not ctx.get(slave.arvalid), "one burst at a time"
            ctx.set(slave.arready, 0)
            ctx.set(slave.rvalid, 1)
            for last in (0, 1):
                ctx.set(slave.rlast, last)
                assert [ctx.get(axi.rvalid) for axi in dut.s_axi_read] == [turn == 0, turn == 1]
                await ctx.tick()
            ctx.set(slave.rvalid, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
