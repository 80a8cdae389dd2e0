"""The stage of a pipeline in a stream."""

import random
from typing import Any

from amaranth.sim import Simulator

from hw.bus.stream_stage import StreamStage


def test_payloads_come_out_in_order_one_in_each_cycle_at_most() -> None:
    dut = StreamStage(8)
    rng = random.Random(1)
    sent: list[int] = []
    received: list[int] = []
    before: list[int] = []

    async def bench(ctx: Any) -> None:
        valid, payload = False, 0
        for cycle in range(400):
            always = cycle >= 200
            if not valid and (always or rng.random() < 0.6):
                valid, payload = True, rng.randrange(256)
            ready = always or rng.random() < 0.6
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.o.ready, ready)
            assert ctx.get(dut.i.ready) or (ctx.get(dut.o.valid) and not ready), "it takes what it has room for"
            if ctx.get(dut.o.valid) and ready:
                received.append(ctx.get(dut.o.payload))
            if valid and ctx.get(dut.i.ready):
                sent.append(payload)
                valid = False
            await ctx.tick()
            if cycle == 199:
                before.append(len(received))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert received == sent[: len(received)]
    assert len(sent) - len(received) <= 1
    assert len(received) - before[0] == 200
