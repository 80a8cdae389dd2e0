"""The harness shifts into a component's inputs and folds its outputs."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from gen.flow.harness import Harness


class Adder(wiring.Component):
    a: In(3)  # type: ignore[valid-type]
    b: In(2)  # type: ignore[valid-type]
    total: Out(4)  # type: ignore[valid-type]

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.d.comb += self.total.eq(self.a + self.b)
        return m


def test_every_input_is_reached_and_every_output_seen() -> None:
    adder = Adder()
    dut = Harness(adder)
    bits = [1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0]

    async def bench(ctx: Any) -> None:
        shifted, folded = 0, 0
        for bit in bits:
            ctx.set(dut.serial_in, bit)
            total = (shifted & 7) + (shifted >> 3)
            assert ctx.get(adder.total) == total
            await ctx.tick()
            shifted, folded = (shifted << 1 | bit) & 31, (total ^ folded << 1) & 15
            assert ctx.get(dut.serial_out) == folded >> 3

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
