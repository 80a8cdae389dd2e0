"""Tests of the width converter."""

from math import gcd, lcm
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.bus.gearbox import Gearbox
from tests.hw.bus.streams import send


def _repack(i_bytes: int, o_bytes: int, transfers: list[bytes], stall: float, seed: int) -> tuple[list[bytes], int]:
    """Run transfers through a gearbox; return what came out, and the cycles it took."""
    dut = Gearbox(i_bytes, o_bytes)
    results: list[bytes] = []
    cycles = 0

    async def source(ctx: Any) -> None:
        random = Random(seed)
        for transfer in transfers:
            for start in range(0, len(transfer), i_bytes):
                piece = transfer[start : start + i_bytes]
                padded = piece + bytes([0xEE]) * (i_bytes - len(piece))
                while random.random() < stall:
                    await ctx.tick()
                payload = {"data": list(padded), "final": len(piece) - 1, "last": start + i_bytes >= len(transfer)}
                await send(ctx, dut.i, payload)

    async def sink(ctx: Any) -> None:
        nonlocal cycles
        random = Random(seed + 1)
        current = b""
        while len(results) < len(transfers):
            ctx.set(dut.o.ready, random.random() >= stall)
            _, _, valid, ready, payload = await ctx.tick().sample(dut.o.valid, dut.o.ready, dut.o.payload)
            cycles += 1
            assert cycles < 20000
            if valid and ready:
                current += bytes(payload.data)[: payload.final + 1]
                if payload.last:
                    results.append(current)
                    current = b""
                else:
                    assert payload.final == o_bytes - 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    simulator.add_testbench(sink)
    simulator.run()
    return results, cycles


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("i_bytes", [4, 16, 64])
@pytest.mark.parametrize("o_bytes", [1, 3, 4, 5, 6, 12, 16, 24, 40, 63])
def test_keeps_bytes_of_each_transfer(i_bytes: int, o_bytes: int, stall: float) -> None:
    random = Random(i_bytes * 100 + o_bytes)
    transfers = [random.randbytes(o_bytes * random.randint(1, 9)) for _ in range(8)]
    assert _repack(i_bytes, o_bytes, transfers, stall, seed=3)[0] == transfers


@pytest.mark.parametrize("stall", [0.0, 0.3])
@pytest.mark.parametrize(
    ("i_bytes", "o_bytes"), [(4, 16), (32, 16), (20, 16), (12, 64), (12, 16), (24, 16), (40, 16), (20, 8), (28, 64)]
)
def test_flushes_partial_output(i_bytes: int, o_bytes: int, stall: float) -> None:
    random = Random(7)
    transfers = [random.randbytes(i_bytes * n) for n in range(1, 12)]
    assert _repack(i_bytes, o_bytes, transfers, stall, seed=5)[0] == transfers


@pytest.mark.parametrize(("i_bytes", "o_bytes"), [(12, 16), (20, 16), (16, 20), (16, 12), (6, 4), (9, 15)])
def test_transfers_may_end_at_any_unit(i_bytes: int, o_bytes: int) -> None:
    random = Random(8)
    transfers = [random.randbytes(gcd(i_bytes, o_bytes) * n) for n in [*range(1, 20), 1, 1, 2]]
    assert _repack(i_bytes, o_bytes, transfers, 0.3, seed=5)[0] == transfers


@pytest.mark.parametrize("i_bytes", [4, 16, 20, 64])
@pytest.mark.parametrize("o_bytes", [1, 5, 12, 16, 24, 63, 64])
def test_moves_the_narrower_width_every_cycle(i_bytes: int, o_bytes: int) -> None:
    transfers = [Random(1).randbytes(lcm(i_bytes, o_bytes) * 3)] * 2
    result, cycles = _repack(i_bytes, o_bytes, transfers, 0.0, seed=0)
    assert result == transfers
    assert cycles <= sum(map(len, transfers)) // min(i_bytes, o_bytes) + 1
