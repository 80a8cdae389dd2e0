"""Sources and sinks of streams that stall at random, and the simulation around them."""

import random
from collections.abc import Callable, Iterable
from typing import Any

from amaranth.hdl import Value

from tests.hw.simulation import Simulation


def simulate(dut: Any, bench: Callable[[Any], Any], *background: Callable[[Any], Any]) -> None:
    Simulation(dut).run(bench, *background)


async def wait_for(ctx: Any, condition: Any) -> None:
    """Return after the first edge at which ``condition`` holds.

    Unlike ``until``, it may be left waiting when the simulation ends.
    """
    met = 0
    while not met:
        _, _, met = await ctx.tick().sample(condition)


def source(port: Any, items: Iterable[int], rng: random.Random, stall: float) -> Callable[[Any], Any]:
    """Send ``items``, before each one waiting with probability ``stall`` a cycle, and another."""

    async def process(ctx: Any) -> None:
        for item in items:
            while rng.random() < stall:
                await ctx.tick()
            ctx.set(Value.cast(port.payload), item)
            ctx.set(port.valid, 1)
            await wait_for(ctx, port.ready)
            ctx.set(port.valid, 0)

    return process


async def take(ctx: Any, port: Any, count: int, rng: random.Random, stall: float, patience: int = 20_000) -> list[int]:
    """Return the next ``count`` payloads; fail if one does not come in ``patience`` cycles or is withdrawn."""
    taken: list[int] = []
    idle, offered = 0, None
    while len(taken) < count:
        ready = rng.random() >= stall
        ctx.set(port.ready, ready)
        _, _, valid, payload = await ctx.tick().sample(port.valid, Value.cast(port.payload))
        assert offered is None or (valid and payload == offered)
        offered = payload if valid and not ready else None
        idle = 0 if valid else idle + 1
        assert idle < patience, f"only {len(taken)} of {count} came"
        if valid and ready:
            taken.append(payload)
    ctx.set(port.ready, 0)
    return taken
