"""The scratchpad against a NumPy array, with all four ports at random."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.memory.scratchpad import Scratchpad
from hw.layouts import BankedRead
from spec.config import AcceleratorConfig

SMALL = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=1)
CONFIGS = [
    SMALL,
    replace(SMALL, scratchpad_banks=1),
    replace(SMALL, scratchpad_kib=5, scratchpad_banks=5),
    replace(SMALL, rows=1, scratchpad_kib=11, lanes=1, scratchpad_banks=5),  # banks of two parts
    replace(SMALL, rows=3, cols=5, lanes=1),  # 85 words a bank: no power of two
    replace(SMALL, rows=1, cols=1, lanes=1, scratchpad_banks=2),
    replace(SMALL, rows=7, cols=2, lanes=1, scratchpad_banks=16),
]


def simulate(dut: Scratchpad, bench: Any) -> None:
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("config", CONFIGS)
def test_matches_numpy_under_random_traffic(config: AcceleratorConfig) -> None:
    rng = np.random.default_rng(config.rows)
    words, rows, banks = config.scratchpad_words, config.rows, config.scratchpad_banks
    memory = np.zeros((words, rows), int)
    dut = Scratchpad(config)
    pool = np.unique(np.concatenate([[0, words - 1], rng.integers(0, words, 12)]))  # few words, so that they meet

    def bank(addr: int) -> int:
        return addr // (words // banks)

    async def bench(ctx) -> None:
        pending: list[list[Any]] = [[None] * BankedRead.LATENCY for _ in range(2)]  # words that A and B have asked for
        held: dict[str, Any] = {"b": None, "load": None}
        staged: Any = None  # the post-processor's write of the cycle before
        conflicts = 0
        for _ in range(400):
            for port, waiting in zip((dut.a_read, dut.b_read), pending, strict=True):
                due = waiting.pop(0)
                if due is not None:
                    assert [ctx.get(port.data[i]) for i in range(rows)] == list(due)

            a = int(rng.choice(pool)) if rng.random() < 0.6 else None
            if held["b"] is None and rng.random() < 0.7:
                held["b"] = int(rng.choice(pool))
            if held["load"] is None and rng.random() < 0.7:
                held["load"] = (int(rng.choice(pool)), rng.integers(0, 256, rows))
            post = (int(rng.choice(pool)), rng.integers(0, 256, rows), rng.integers(0, 2, rows))
            post = post if rng.random() < 0.6 else None

            for port, addr in ((dut.a_read, a), (dut.b_read, held["b"])):
                ctx.set(port.en, addr is not None)
                ctx.set(port.addr, addr or 0)
            ctx.set(dut.post_write.en, post is not None)
            if post:
                ctx.set(dut.post_write.addr, post[0])
                ctx.set(dut.post_write.data, [int(x) for x in post[1]])
                ctx.set(dut.post_write.mask, sum(int(bit) << i for i, bit in enumerate(post[2])))
            ctx.set(dut.load_write.valid, held["load"] is not None)
            if held["load"]:
                ctx.set(dut.load_write.payload.addr, held["load"][0])
                ctx.set(dut.load_write.payload.data, [int(x) for x in held["load"][1]])

            b_waits = a is not None and held["b"] is not None and bank(a) == bank(held["b"])
            load_waits = staged is not None and held["load"] is not None and bank(staged[0]) == bank(held["load"][0])
            assert ctx.get(dut.a_read.ready) == 1
            if held["b"] is not None:
                assert ctx.get(dut.b_read.ready) == (not b_waits)
            if held["load"]:
                assert ctx.get(dut.load_write.ready) == (not load_waits)
            assert ctx.get(dut.conflict) == (b_waits or load_waits)
            conflicts += b_waits or load_waits

            # What a read gives in the very cycle of a write to its word is not promised.
            written = {staged and staged[0], held["load"] and not load_waits and held["load"][0]}
            pending[0].append(None if a is None or a in written else memory[a].copy())
            reads_b = held["b"] is not None and not b_waits and held["b"] not in written
            pending[1].append(memory[held["b"]].copy() if reads_b else None)
            held["b"] = held["b"] if b_waits else None
            if staged:
                memory[staged[0]] = np.where(staged[2], staged[1], memory[staged[0]])
            staged = post
            if held["load"] and not load_waits:
                memory[held["load"][0]] = held["load"][1]
                held["load"] = None
            await ctx.tick()
        assert conflicts > 0

    simulate(dut, bench)


@pytest.mark.parametrize("config", CONFIGS[:3])
def test_scrub_clears_every_word(config: AcceleratorConfig) -> None:
    dut = Scratchpad(config)
    words = config.scratchpad_words

    async def bench(ctx) -> None:
        for addr in range(words):
            ctx.set(dut.load_write.valid, 1)
            ctx.set(dut.load_write.payload.addr, addr)
            ctx.set(dut.load_write.payload.data, [255] * config.rows)
            await ctx.tick()
        ctx.set(dut.load_write.valid, 0)
        ctx.set(dut.scrub.en, 1)
        for addr in range(words):
            ctx.set(dut.scrub.addr, addr)
            await ctx.tick()
        ctx.set(dut.scrub.en, 0)
        ctx.set(dut.a_read.en, 1)
        for addr in range(words):
            ctx.set(dut.a_read.addr, addr)
            await ctx.tick().repeat(BankedRead.LATENCY)
            assert ctx.get(dut.a_read.data.as_value()) == 0

    simulate(dut, bench)
