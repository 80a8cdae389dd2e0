"""The hardware checker and ``spec.rules`` never differ."""

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.core.control.checker import Checker
from spec.config import AcceleratorConfig
from spec.isa import (
    Destination,
    Drain,
    ErrorCode,
    Gemm,
    Halt,
    Load,
    LoadTarget,
    SecondStage,
    Stats,
    Stream,
    Sweep,
)
from spec.rules import check_raw
from tests.hw.instructions import random_words

SEED = 4711

CONFIGS = {
    "default": AcceleratorConfig(),
    "1x1": AcceleratorConfig(
        rows=1, cols=1, acc_depth=4, scratchpad_kib=1, scratchpad_banks=1, vector_kib=1, param_words=4, tables=1
    ),
    "3x5": AcceleratorConfig(rows=3, cols=5, acc_depth=64, scratchpad_kib=7, vector_kib=3, tables=3, bus_bytes=4),
    "12x24": AcceleratorConfig(rows=12, cols=24, lanes=6, acc_depth=2048, scratchpad_kib=100, vector_kib=33),
    "64x64": AcceleratorConfig(rows=64, cols=64, lanes=64, scratchpad_kib=16384, vector_kib=16384, bus_bytes=64),
}


def run(config: AcceleratorConfig, words: list[bytes], *, stall: float = 0.0) -> tuple[list[tuple[int, int]], int]:
    """Return codes and addresses in order, and the cycle of the last one; check that instructions pass unchanged."""
    dut = Checker(config)
    rng = random.Random(SEED)
    results: list[tuple[int, int]] = []
    last_cycle = 0

    async def source(ctx: Any) -> None:
        for word in words:
            while rng.random() < stall:
                await ctx.tick()
            ctx.set(dut.i.payload, int.from_bytes(word, "little"))
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def sink(ctx: Any) -> None:
        nonlocal last_cycle
        watchdog = 100 * len(words) + 100
        for cycle in range(watchdog):
            ready = rng.random() >= stall
            ctx.set(dut.o.ready, ready)
            if ready and ctx.get(dut.o.valid):
                payload = ctx.get(dut.o.payload)
                assert payload.instruction.to_bytes(32, "little") == words[len(results)]
                results.append((payload.code, payload.addr))
                last_cycle = cycle
            if len(results) == len(words):
                return
            await ctx.tick()
        raise AssertionError(f"{len(results)} of {len(words)} instructions after {watchdog} cycles")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source)
    sim.add_testbench(sink)
    sim.run()
    return results, last_cycle


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_equals_the_software_twin(config: AcceleratorConfig) -> None:
    words = list(random_words(config, 1000, SEED))
    results, _ = run(config, words)
    for word, result in zip(words, results, strict=True):
        assert result == check_raw(config, word), word.hex()


def test_equals_the_software_twin_under_stalls() -> None:
    config = CONFIGS["3x5"]
    words = list(random_words(config, 200, SEED + 1))
    results, _ = run(config, words, stall=0.7)
    assert results == [check_raw(config, word) for word in words]


LATENCIES = [
    (Halt(), 4),
    (Load(count=1), 6),
    (Load(target=LoadTarget.PARAM, count=1000), 6),
    (Stream(count=1000), 6),
    (Gemm(m=1, n=1, k_tiles=1), 4),
    (Gemm(m=8, n=8, k_tiles=1, b_scratchpad=1), 5),
    (Gemm(m=64, n=64, k_tiles=1, b_scratchpad=1, clear=1, release=1), 6),
    (Gemm(m=17, n=257, k_tiles=1, b_scratchpad=1, clear=1, release=1), 7),
    (Gemm(m=16, n=4096, k_tiles=1, b_scratchpad=1, clear=1, release=1), 8),
    (Gemm(m=16, n=65535, k_tiles=1, b_scratchpad=1, clear=1, release=1), 10),
    (Drain(m=16, n=1), 6),
    (Drain(m=512, n=1, dest=Destination.VECTOR, second=SecondStage.RESIDUAL, stats=Stats.MAX, shift=1), 7),
    (Sweep(m=0), 8),
]


@pytest.mark.parametrize(("instruction", "latency"), LATENCIES)
def test_latency_is_as_promised(instruction: Any, latency: int) -> None:
    config = AcceleratorConfig()
    blame = 2 * (check_raw(config, instruction.encode())[0] == ErrorCode.OUT_OF_RANGE)
    _, cycles = run(config, [instruction.encode()])
    assert cycles == latency + blame


@pytest.mark.parametrize(("instruction", "latency"), LATENCIES)
def test_instructions_follow_one_another_at_once(instruction: Any, latency: int) -> None:
    config, count = AcceleratorConfig(), 5
    blame = 2 * (check_raw(config, instruction.encode())[0] == ErrorCode.OUT_OF_RANGE)
    _, cycles = run(config, [instruction.encode()] * count)
    assert cycles == count * (latency + blame)
