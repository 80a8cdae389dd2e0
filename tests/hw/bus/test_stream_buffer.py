"""The two registers between two streams."""

import random
from typing import Any

from amaranth.sim import Simulator

from hw.bus.stream_buffer import StreamBuffer


def test_payloads_come_out_in_order_one_in_each_cycle() -> None:
    dut = StreamBuffer(8)
    rng = random.Random(1)
    sent: list[int] = []
    received: list[int] = []
    before: list[int] = []

    async def bench(ctx: Any) -> None:
        valid, payload = False, 0
        offered = None
        for cycle in range(400):
            always = cycle >= 200
            if not valid and (always or rng.random() < 0.6):
                valid, payload = True, rng.randrange(256)
            ready = always or rng.random() < 0.6
            out = (ctx.get(dut.i.ready), ctx.get(dut.o.valid))
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.o.ready, ready)
            assert (ctx.get(dut.i.ready), ctx.get(dut.o.valid)) == out, "it lets no signal through"
            assert offered is None or (out[1] and ctx.get(dut.o.payload) == offered), "what is offered stays"
            offered = ctx.get(dut.o.payload) if out[1] and not ready else None
            if out[1] and ready:
                received.append(ctx.get(dut.o.payload))
            if valid and out[0]:
                sent.append(payload)
                valid = False
            await ctx.tick()
            if cycle == 201:
                before.append(len(received))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert received == sent[: len(received)]
    assert len(sent) - len(received) <= 2
    assert len(received) - before[0] == 198


def test_latency_is_one_cycle() -> None:
    dut = StreamBuffer(8)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, 7)
        await ctx.tick()
        assert ctx.get(dut.o.valid) and ctx.get(dut.o.payload) == 7
        ctx.set(dut.i.payload, 8)
        await ctx.tick()
        assert not ctx.get(dut.i.ready), "two are held"

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
