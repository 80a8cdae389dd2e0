"""The loader's requests and words, one by one."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.array.tile_loader import TileLoader
from hw.layouts import BankedRead
from spec.config import AcceleratorConfig
from spec.isa import Gemm

Gemms = list[Gemm]


def run(cols: int, gemms: Gemms, *, room: int, ready: float, use: float, seed: int = 0) -> None:
    """Check order and values of all words, every address, and that no more than ``room`` words are under way."""
    rng = np.random.default_rng(seed)
    dut = TileLoader(AcceleratorConfig(rows=1, cols=cols, lanes=1), room=room)
    addrs = []
    for g in gemms:
        if g.b_scratchpad:
            for tile in range(-(-g.n // cols)):
                for k in range(g.k_tiles):
                    for n in range((tile + 1) * cols - 1, tile * cols - 1, -1):
                        addrs.append((g.b_addr + n * g.b_stride + k) % (1 << 20) if n < g.n else None)
    values = {addr: int(rng.integers(1, 256)) for addr in addrs if addr is not None}
    expected = [0 if addr is None else values[addr] for addr in addrs]
    requests = [addr for addr in addrs if addr is not None]

    async def issue(ctx: Any) -> None:
        for g in gemms:
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, int.from_bytes(g.encode(), "little"))
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def serve(ctx: Any) -> None:
        coming: list[int | None] = [None] * (BankedRead.LATENCY - 1)
        held = 0
        for _ in range(5000):
            ctx.set(dut.read.ready, bool(rng.random() < ready))
            using = held > 0 and rng.random() < use
            ctx.set(dut.used, using)
            held -= using
            taken = ctx.get(dut.read.en) and ctx.get(dut.read.ready)
            coming.append(ctx.get(dut.read.addr) if taken else None)
            if taken:
                assert coming[-1] == requests.pop(0)
            await ctx.tick()
            addr = coming.pop(0)
            ctx.set(dut.read.data[0], 0xA5 if addr is None else values[addr])
            if ctx.get(dut.o.valid):
                held += 1
                assert held <= room
                assert ctx.get(dut.o.payload[0]) == expected.pop(0)
            if not expected:
                break
        assert not expected
        assert not requests

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(serve)
    sim.add_testbench(issue, background=True)
    sim.run()


def gemm(**fields: int) -> Gemm:
    return Gemm(**{"m": 1, "b_scratchpad": 1, **fields})


@pytest.mark.parametrize("cols", [1, 2, 3, 4, 7])
@pytest.mark.parametrize(("ready", "use"), [(1.0, 1.0), (0.4, 0.6), (1.0, 0.1)])
def test_words_come_in_order_of_use(cols: int, ready: float, use: float) -> None:
    gemms = [
        gemm(n=2 * cols + 1, k_tiles=3, b_addr=100, b_stride=17),
        gemm(n=cols, k_tiles=1, b_addr=5, b_stride=0),
        gemm(n=5, k_tiles=5, b_scratchpad=0),
        gemm(n=1, k_tiles=2, b_addr=(1 << 20) - 2, b_stride=65535),
        gemm(n=3 * cols, k_tiles=1, b_addr=9000, b_stride=1),
    ]
    run(cols, gemms, room=2 * cols, ready=ready, use=use, seed=cols)
