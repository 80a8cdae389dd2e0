"""A bench around the array engine: scratchpad, weight stream, post-processor, and NumPy's answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator
from numpy.typing import NDArray

from hw.core.array.engine import ArrayEngine
from hw.core.memory.scratchpad import Scratchpad
from hw.layouts import BankedRead
from spec.config import AcceleratorConfig
from spec.isa import Gemm

__all__ = ["EngineBench"]

CAUSES = ("busy", "wait_weights", "wait_operand", "wait_bank", "wait_instruction")


class EngineBench:
    """Run GEMMs on the engine and compare every released bank with NumPy.

    Parameters
    ----------
    config : AcceleratorConfig
        What to build.
    gemms : sequence of Gemm
        The instructions.
    seed : int
        Makes operands and stalls.
    stalls : float
        Probability with which each of the engine's neighbours pauses in a cycle.
    drain_delay : int
        Cycles that the post-processor waits before it reads a full bank.
    dut : ArrayEngine, optional
        The engine, if there is one already.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        gemms: Sequence[Gemm],
        *,
        seed: int = 0,
        stalls: float = 0.0,
        drain_delay: int = 0,
        dut: ArrayEngine | None = None,
    ) -> None:
        self.config, self.gemms, self.seed = config, list(gemms), seed
        self.rng = np.random.default_rng(seed)
        self.stalls, self.drain_delay = stalls, drain_delay
        self.memory: NDArray[np.uint8] = self.rng.integers(0, 256, (512, config.rows), np.uint8)
        corners = self.rng.random(self.memory.shape)
        self.memory[corners < 0.05] = 128
        self.memory[corners > 0.95] = 127
        self.words: list[NDArray[np.int64]] = []
        self.banks: list[tuple[int, NDArray[np.int64]]] = []
        self.counts = dict.fromkeys(CAUSES, 0)
        self.trace: list[str] = []
        self.finished = 0
        self.full = 0  # banks
        self.dut = dut or ArrayEngine(config)
        self._expect()

    def _expect(self) -> None:
        """Fill ``words`` with the weight stream and ``banks`` with all released banks."""
        rows, cols = self.config.rows, self.config.cols
        sums = np.zeros((self.config.acc_banks, self.config.acc_depth, cols), np.int64)
        bank = 0
        for g in self.gemms:
            for tile in range(-(-g.n // cols)):
                for k in range(g.k_tiles):
                    a = self.memory[g.a_addr + k + g.a_stride * np.arange(g.m)]
                    a = a.astype(np.int64) if g.a_unsigned else a.view(np.int8).astype(np.int64)
                    b = np.zeros((cols, rows), np.int64)
                    used = min(cols, g.n - tile * cols)
                    if g.b_scratchpad:
                        b[:used] = self.memory[g.b_addr + k + g.b_stride * (tile * cols + np.arange(used))].view(
                            np.int8
                        )
                    else:
                        b[:used] = self.rng.integers(-128, 128, (used, rows))
                        self.words.extend(b[::-1])
                    if g.clear and k == 0:
                        sums[bank, : g.m] = 0
                    sums[bank, : g.m] += a @ b.T
                if g.release:
                    self.banks.append((bank, (sums[bank].copy() + (1 << 31)) % (1 << 32) - (1 << 31)))
                    bank = (bank + 1) % self.config.acc_banks

    def run(self) -> int:
        """Run to the end and return the cycles from the first request of a row to the last ``done``."""
        background = (self._issue, self._stream_weights, self._scratchpad, self._watch)
        self._simulate(self.dut, self._drain_banks, self._count_banks, *background)
        return len(self.trace) - self.trace.index("busy")

    def run_with_scratchpad(self) -> int:
        """Run with the real scratchpad, loaded first, and return the cycles in which something waited for a bank."""
        m = Module()
        m.submodules.engine = engine = self.dut
        m.submodules.scratchpad = scratchpad = Scratchpad(self.config)
        connect(m, engine.a_read, scratchpad.a_read)
        connect(m, engine.b_read, scratchpad.b_read)
        conflicts = 0

        async def load_and_drain(ctx: Any) -> None:
            for addr, word in enumerate(self.memory):
                await self._send(ctx, scratchpad.load_write, {"addr": addr, "data": [int(x) for x in word]})
            ctx.set(loaded, 1)
            await self._drain_banks(ctx)

        async def issue(ctx: Any) -> None:
            await ctx.tick().until(loaded)
            await self._issue(ctx)

        async def count(ctx: Any) -> None:
            nonlocal conflicts
            async for _, _, conflict in ctx.tick().sample(scratchpad.conflict):
                conflicts += conflict

        loaded = Signal()
        self._simulate(m, load_and_drain, self._count_banks, issue, self._stream_weights, count, self._watch)
        return conflicts

    def scrub_after(self, hold_reset: bool, gemm: Gemm) -> None:
        """Run, scrub, then run ``gemm`` as the only one after a reset.

        Parameters
        ----------
        hold_reset : bool
            Whether the reset lasts as long as the scrub, or comes after it.
        gemm : Gemm
            Releases its bank.
        """
        reset = Signal()
        fresh = EngineBench(self.config, [gemm], seed=self.seed, dut=self.dut)

        async def scrub(ctx: Any) -> None:
            await self._drain_banks(ctx)
            ctx.set(reset, hold_reset)
            ctx.set(self.dut.scrub.en, 1)
            for addr in range(3 * self.config.acc_depth):
                ctx.set(self.dut.scrub.addr, addr)
                await ctx.tick()
            ctx.set(self.dut.scrub.en, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            fresh.full = 0
            await fresh._issue(ctx)
            await fresh._compare_banks(ctx)

        top = ResetInserter(reset)(self.dut)
        background = (self._issue, self._stream_weights, self._scratchpad, self._watch)
        self._simulate(top, scrub, self._count_banks, fresh._count_banks, *background)

    @staticmethod
    def _simulate(top: Any, main: Any, *background: Any) -> None:
        sim = Simulator(top)
        sim.add_clock(1e-6)
        sim.add_testbench(main)
        for bench in background:
            sim.add_testbench(bench, background=True)
        sim.run()

    def _pause(self) -> bool:
        return bool(self.rng.random() < self.stalls)

    async def _issue(self, ctx: Any) -> None:
        for g in self.gemms:
            while self._pause():
                await ctx.tick()
            await self._send(ctx, self.dut.i, int.from_bytes(g.encode(), "little"))

    async def _stream_weights(self, ctx: Any) -> None:
        for word in self.words:
            while self._pause():
                await ctx.tick()
            await self._send(ctx, self.dut.i_weights, [int(x) & 255 for x in word])

    @staticmethod
    async def _send(ctx: Any, port: Any, payload: Any) -> None:
        ctx.set(port.valid, 1)
        ctx.set(port.payload, payload)
        await ctx.tick().until(port.ready)
        ctx.set(port.valid, 0)

    async def _scratchpad(self, ctx: Any) -> None:
        """B is refused at random."""
        a, b = self.dut.a_read, self.dut.b_read
        coming: list[tuple[Any, Any]] = [(None, None)] * (BankedRead.LATENCY - 1)
        ctx.set(a.ready, 1)
        ctx.set(b.ready, 1)
        async for _, _, a_en, a_addr, b_en, b_ready, b_addr in ctx.tick().sample(a.en, a.addr, b.en, b.ready, b.addr):
            coming.append((a_addr if a_en else None, b_addr if b_en and b_ready else None))
            for port, addr in zip((a, b), coming.pop(0), strict=True):
                word = self.rng.integers(0, 256, self.config.rows) if addr is None else self.memory[addr]
                ctx.set(port.data.as_value(), int.from_bytes(word.astype(np.uint8).tobytes(), "little"))
            ctx.set(b.ready, not self._pause())

    async def _drain_banks(self, ctx: Any) -> None:
        """Compare all banks, then wait for all GEMMs; nothing may be left over."""
        await self._compare_banks(ctx)
        while self.finished < len(self.gemms):
            await ctx.tick()
        assert self.full == 0
        assert ctx.get(self.dut.weights_free) == self.config.weight_fifo_words

    async def _compare_banks(self, ctx: Any) -> None:
        """Read each full bank as the post-processor does and compare it."""
        dut, rows = self.dut, max(g.m for g in self.gemms)
        # The last sum is read first: it must be there as soon as the bank is announced.
        places = [(m, j) for m in range(rows)[::-1] for j in range(self.config.chunks_per_tile)[::-1]]
        for index, (bank, expected) in enumerate(self.banks):
            await self._wait_for_bank(ctx)
            for _ in range(self.drain_delay):
                await ctx.tick()
            while self._pause():
                await ctx.tick()
            ctx.set(dut.acc_read.bank, bank)
            for cycle in range(len(places) + 3):
                if cycle >= 3:
                    row, chunk = places[cycle - 3]
                    lanes = self.config.lanes
                    want = expected[row, chunk * lanes : (chunk + 1) * lanes]
                    got = [ctx.get(dut.acc_read.data[i]) for i in range(lanes)]
                    assert got == list(want), f"bank {index}, row {row}, chunk {chunk}"
                ctx.set(dut.acc_read.en, cycle < len(places))
                if cycle < len(places):
                    ctx.set(dut.acc_read.row, places[cycle][0])
                    ctx.set(dut.acc_read.chunk, places[cycle][1])
                else:
                    ctx.set(dut.acc_read.row, 0)
                await ctx.tick()
            self.full -= 1
            ctx.set(dut.freed, 1)
            await ctx.tick()
            ctx.set(dut.freed, 0)

    async def _count_banks(self, ctx: Any) -> None:
        async for _, _, filled in ctx.tick().sample(self.dut.filled):
            self.full += filled

    async def _wait_for_bank(self, ctx: Any) -> None:
        for _ in range(20_000):
            if self.full:
                return
            await ctx.tick()
        raise AssertionError("nothing came in 20000 cycles")

    async def _watch(self, ctx: Any) -> None:
        """Count causes, of which there is one in each cycle, and finished GEMMs."""
        ports = [getattr(self.dut, name) for name in CAUSES]
        async for _, _, done, *causes in ctx.tick().sample(self.dut.done, *ports):
            assert sum(causes) == 1
            if self.finished < len(self.gemms):
                name = CAUSES[causes.index(1)]
                self.counts[name] += 1
                self.trace.append(name)
            self.finished += done
