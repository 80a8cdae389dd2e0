"""Tests of the performance counters."""

from random import Random
from typing import Any

from amaranth.sim import Simulator

from hw.core.control.counters import Counters
from spec.config import AcceleratorConfig
from spec.isa import Engine
from spec.registers import COUNTERS


def test_every_cycle_has_one_cause() -> None:
    dut = Counters(AcceleratorConfig(rows=2, cols=2, weight_fifo_words=4))
    random = Random(1)
    expected = dict.fromkeys((counter.name for counter in COUNTERS), 0)

    def attribute(unit: str, other: Engine, cause: int, lacks: int) -> None:
        names = {
            "array": ("busy", "wait_weights", "wait_operand", "wait_bank"),
            "post": ("busy", "wait_bank", "wait_row", "wait_memory"),
        }[unit]
        if cause < len(names):
            name = names[cause]
        elif lacks >> Engine.LOAD & 1:
            name = "wait_load"
        elif lacks >> other & 1:
            name = f"wait_{other.name.lower()}"
        else:
            name = "wait_instruction"
        expected[f"{unit}_{name}"] += 1

    async def bench(ctx: Any) -> None:
        for _ in range(400):
            enable = random.random() < 0.8
            array, post, written = random.randrange(5), random.randrange(5), random.randrange(17)
            array_lacks, post_lacks = random.choice([0, 1, 4, 5]), random.choice([0, 1, 2, 3])
            bits = {
                "load_busy": dut.load_busy,
                "scratchpad_conflicts": dut.scratchpad_conflict,
                "instructions": dut.dispatched,
                "instruction_bytes": dut.instruction_beat,
                "load_bytes": dut.load_beat,
                "weight_bytes": dut.weight_beat,
            }
            ctx.set(dut.enable, enable)
            ctx.set(dut.array.as_value(), 1 << array & 15)
            ctx.set(dut.post.as_value(), 1 << post & 15)
            ctx.set(dut.array_lacks, array_lacks)
            ctx.set(dut.post_lacks, post_lacks)
            ctx.set(dut.written_bytes, written)
            for name, signal in bits.items():
                value = random.randrange(2)
                ctx.set(signal, value)
                expected[name] += enable * value * (16 if name.endswith("_bytes") else 1)
            if enable:
                attribute("array", Engine.POST, array, array_lacks)
                attribute("post", Engine.ARRAY, post, post_lacks)
                expected["cycles"] += 1
                expected["write_bytes"] += written
            await ctx.tick()
        ctx.set(dut.enable, 0)
        await ctx.tick()  # the last events wait in their registers
        values = {counter.name: ctx.get(dut.values[number]) for number, counter in enumerate(COUNTERS)}
        assert values == expected
        for unit in ("array_", "post_"):
            assert sum(value for name, value in values.items() if name.startswith(unit)) == values["cycles"]
        ctx.set(dut.clear, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.values.as_value()) == 0

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
