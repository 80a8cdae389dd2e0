"""The queue from one clock to another."""

from random import Random
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hw.bus.stream_crossing import StreamCrossing
from tests.hw.refusal import assert_refused

CLOCKS = [
    (10.0, 10.0, 0.0),
    (10.0, 10.0, 4.9),
    (10.0, 13.7, 1.0),
    (13.7, 10.0, 3.0),
    (10.0, 61.3, 2.0),
    (61.3, 10.0, 7.0),
]
"""Periods of the two sides and the phase of the second."""


class Line:
    """Numbers that are sent from one clock and received by another."""

    def __init__(self, clocks: tuple[float, float, float], count: int, stalls: tuple[float, float], depth: int) -> None:
        self.dut = StreamCrossing(16, depth, i_domain="there", o_domain="here")
        self.clocks, self.count, self.stalls = clocks, count, stalls
        self.sent_at: list[float] = []
        self.received_at: list[float] = []

    def run(self) -> None:
        there, here, phase = self.clocks
        sim = Simulator(self.dut)
        sim.add_clock(there * 1e-9, domain="there")
        sim.add_clock(here * 1e-9, phase=(here / 2 + phase) * 1e-9, domain="here")
        sim.add_testbench(self._send)
        sim.add_testbench(self._receive)
        sim.run()

    async def _send(self, ctx: Any) -> None:
        rng, number, offers, cycle = Random(1), 0, False, 0
        while number < self.count:
            offers = offers or rng.random() >= self.stalls[0]
            ctx.set(self.dut.i.valid, offers)
            ctx.set(self.dut.i.payload, number * 7919 % 65536)
            ready = (await ctx.tick("there").sample(self.dut.i.ready))[2]
            cycle += 1
            if offers and ready:
                self.sent_at.append((cycle - 0.5) * self.clocks[0])
                number, offers = number + 1, False
        ctx.set(self.dut.i.valid, 0)

    async def _receive(self, ctx: Any) -> None:
        rng, cycle, offered = Random(2), 0, False
        while len(self.received_at) < self.count:
            takes = rng.random() >= self.stalls[1]
            ctx.set(self.dut.o.ready, takes)
            _, _, valid, payload = await ctx.tick("here").sample(self.dut.o.valid, self.dut.o.payload)
            cycle += 1
            assert valid or not offered, "what is offered stays"
            offered = valid and not takes
            if valid and takes:
                assert payload == len(self.received_at) * 7919 % 65536
                self.received_at.append((cycle - 0.5) * self.clocks[1] + self.clocks[2])
            assert cycle < 20_000


@pytest.mark.parametrize("clocks", CLOCKS)
@pytest.mark.parametrize("stalls", [(0.4, 0.4), (0.0, 0.8), (0.8, 0.0)])
@pytest.mark.parametrize("depth", [2, 16])
def test_nothing_is_lost_repeated_or_reordered(
    clocks: tuple[float, float, float], stalls: tuple[float, float], depth: int
) -> None:
    Line(clocks, 150, stalls, depth).run()


@pytest.mark.parametrize("clocks", CLOCKS)
def test_runs_at_the_slower_clock(clocks: tuple[float, float, float]) -> None:
    line = Line(clocks, 200, (0.0, 0.0), 16)
    line.run()
    cycles = (line.received_at[-1] - line.received_at[0]) / max(clocks[:2])
    assert cycles < 199 + 1.5


@pytest.mark.parametrize("clocks", CLOCKS)
def test_latency_is_as_documented(clocks: tuple[float, float, float]) -> None:
    """From the edge that takes a payload to the first at which the other side may take it."""
    line = Line(clocks, 1, (0.9, 0.0), 16)
    line.run()
    cycles = (line.received_at[0] - line.sent_at[0]) / clocks[1]
    assert 4 <= cycles <= 5.001


def test_both_sides_begin_anew_after_a_reset_of_both() -> None:
    m = Module()
    m.domains.there = there = ClockDomain("there")
    m.domains.here = here = ClockDomain("here")
    m.submodules.dut = dut = StreamCrossing(8, 4, i_domain="there", o_domain="here")

    async def bench(ctx: Any) -> None:
        for fill in range(1, 7):
            ctx.set(dut.i.valid, 1)
            for number in range(fill):
                ctx.set(dut.i.payload, 100 + number)
                await ctx.tick("there")
            ctx.set(dut.i.valid, 0)
            for domain in (there, here):
                ctx.set(domain.rst, 1)
            for _ in range(4):
                await ctx.tick("there")
                await ctx.tick("here")
            for domain in (there, here):
                ctx.set(domain.rst, 0)
            ctx.set(dut.o.ready, 1)
            for _ in range(12):
                assert not ctx.get(dut.o.valid)
                await ctx.tick("here")
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, fill)
            await ctx.tick("there")
            ctx.set(dut.i.valid, 0)
            valid = False
            while not valid:
                _, _, valid, payload = await ctx.tick("here").sample(dut.o.valid, dut.o.payload)
            assert payload == fill
            ctx.set(dut.o.ready, 0)

    sim = Simulator(m)
    sim.add_clock(10e-9, domain="there")
    sim.add_clock(13e-9, domain="here")
    sim.add_testbench(bench)
    sim.run()


def test_depth_is_checked() -> None:
    for depth in (0, 1, 12):
        message = f"^depth must be a power of two and at least 2, not {depth}$"
        assert_refused(message, StreamCrossing, 8, depth, i_domain="a", o_domain="b")
