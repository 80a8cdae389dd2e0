"""The row unit equals the integer model, whatever rows and jobs come."""

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.core.post.row_unit import RowUnit
from spec.arithmetic import layernorm_scalars, reciprocal_scalars
from spec.config import AcceleratorConfig

SEED = 20260
FIRST_ROW_CYCLES = 82
ROW_CYCLES = 16

Row = tuple[int, int]
Scalars = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Job:
    addr: int
    m: int
    length: int = 0
    reciprocal: int = 0

    @property
    def rows(self) -> range:
        return range(self.addr, self.addr + self.m)

    def expected(self, stats: list[Row]) -> list[tuple[int, Scalars]]:
        a, b = (np.array([stats[row][k] for row in self.rows], np.int64) for k in (0, 1))
        scalars = reciprocal_scalars(b) if self.reciprocal else layernorm_scalars(a, b, self.length)
        return [(row, tuple(int(s[k]) for s in scalars)) for k, row in enumerate(self.rows)]


@dataclass
class Run:
    """What a run of jobs did: writes in order, and when jobs were taken and rows written."""

    writes: list[tuple[int, Scalars]] = field(default_factory=list)
    write_cycles: list[int] = field(default_factory=list)
    taken_cycles: list[int] = field(default_factory=list)
    pending: list[tuple[int, int, bool]] = field(default_factory=list)


def simulate(stats: list[Row], jobs: list[Job], *, stall: float = 0.0, seed: int = SEED) -> Run:
    """Offer the jobs one after the other; ask for a random row in every cycle."""
    dut = RowUnit(AcceleratorConfig(acc_depth=1 << (len(stats) - 1).bit_length()))
    rng = random.Random(seed)
    run = Run()
    rows = sum(job.m for job in jobs)
    watchdog = 400 + 8 * ROW_CYCLES * (rows + len(jobs))

    async def bench(ctx: Any) -> None:
        waiting = list(jobs)
        offered = False
        for cycle in range(watchdog):
            if len(run.writes) == rows and not waiting:
                return
            offered = bool(waiting) and (offered or rng.random() >= stall)
            ctx.set(dut.i.valid, offered)
            if waiting:
                ctx.set(dut.i.payload, vars(waiting[0]))
            query = rng.randrange(len(stats))
            ctx.set(dut.query, query)
            run.pending.append((cycle, query, bool(ctx.get(dut.pending))))
            if ctx.get(dut.scalars_en):
                scalars = ctx.get(dut.scalars_data)
                run.writes.append((ctx.get(dut.scalars_addr), (scalars.mul, scalars.total, scalars.mean)))
                run.write_cycles.append(cycle)
            addr = ctx.get(dut.stats_addr)
            if offered and ctx.get(dut.i.ready):
                run.taken_cycles.append(cycle)
                waiting.pop(0)
                offered = False
            await ctx.tick()
            ctx.set(dut.stats_data, dict(zip("ab", stats[addr], strict=True)))
        raise AssertionError(f"{len(run.writes)} of {rows} rows after {watchdog} cycles")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return run


def moments(rng: random.Random, length: int) -> Row:
    """Sum and sum of squares of a random int16 row, of any spread and offset."""
    spread, offset = (rng.getrandbits(rng.randint(1, 15)) for _ in range(2))
    row = [max(-32768, min(32767, rng.randint(-spread, spread) - offset)) for _ in range(length)]
    return sum(row), sum(x * x for x in row)


@pytest.mark.parametrize("length", [1, 2, 7, 127, 128, 384, 768, 4096, 8191])
def test_layernorm_scalars_of_real_rows(length: int) -> None:
    rng = random.Random(SEED + length)
    full = [(sign * 32768 * length, 32768 * 32768 * length) for sign in (-1, 1)]
    stats = [(0, 0), (length, length), *full, *(moments(rng, length) for _ in range(12))]
    job = Job(addr=0, m=len(stats), length=length)
    assert simulate(stats, [job]).writes == job.expected(stats)


@pytest.mark.parametrize("length", [1, 3, 1000, 8191])
def test_layernorm_scalars_of_any_bits(length: int) -> None:
    rng = random.Random(SEED + length)
    sums, squares = (0, 1, -1, (1 << 28) - 1, -(1 << 28)), (0, 1, (1 << 44) - 1)
    corners = [(a, b) for a in sums for b in squares]
    anything = [(rng.randrange(-(1 << 28), 1 << 28) >> rng.randrange(28), rng.getrandbits(44)) for _ in range(17)]
    stats = corners + anything
    job = Job(addr=0, m=len(stats), length=length)
    assert simulate(stats, [job]).writes == job.expected(stats)


def test_reciprocal_scalars() -> None:
    rng = random.Random(SEED)
    powers = [(0, value) for bit in range(24) for value in (1 << bit, (2 << bit) - 1)]
    beyond = [(-5, 0), (7, 1 << 24), (7, (1 << 44) - 1)]
    stats = powers + beyond + [(rng.randrange(-(1 << 28), 1 << 28), rng.getrandbits(24)) for _ in range(13)]
    job = Job(addr=0, m=len(stats), reciprocal=1)
    assert simulate(stats, [job]).writes == job.expected(stats)


def random_jobs(rng: random.Random, stats: list[Row], count: int) -> list[Job]:
    jobs = []
    for _ in range(count):
        addr = rng.randrange(len(stats))
        m = min(rng.choice([1, 1, 2, 5]), len(stats) - addr)
        jobs.append(Job(addr=addr, m=m, length=rng.randint(1, 8191), reciprocal=rng.randrange(2)))
    return jobs


@pytest.mark.parametrize("stall", [0.0, 0.99])
def test_jobs_run_in_order(stall: float) -> None:
    rng = random.Random(SEED)
    stats = [moments(rng, 50) for _ in range(16)]
    jobs = random_jobs(rng, stats, 40)
    expected = [write for job in jobs for write in job.expected(stats)]
    assert simulate(stats, jobs, stall=stall).writes == expected


@pytest.mark.parametrize("stall", [0.0, 0.98])
def test_pending_from_transfer_until_after_the_write(stall: float) -> None:
    rng = random.Random(SEED + 1)
    stats = [moments(rng, 50) for _ in range(16)]
    jobs = random_jobs(rng, stats, 60)
    run = simulate(stats, jobs, stall=stall)
    spans = []
    written = iter(run.write_cycles)
    for job, taken in zip(jobs, run.taken_cycles, strict=True):
        spans += [(row, taken, next(written)) for row in job.rows]
    for cycle, query, pending in run.pending:
        assert pending == any(row == query and taken < cycle <= end for row, taken, end in spans)


def test_first_row_and_every_further_row_take_as_long_as_promised() -> None:
    stats = [(10, 100)] * 8
    jobs = [Job(addr=0, m=3, length=5), Job(addr=3, m=1, reciprocal=1), Job(addr=4, m=4, length=9)]
    run = simulate(stats, jobs)
    first = run.taken_cycles[0] + FIRST_ROW_CYCLES
    assert run.write_cycles == [first + ROW_CYCLES * row for row in range(8)]


def test_takes_two_jobs_besides_the_running_one() -> None:
    stats = [(10, 100)] * 8
    run = simulate(stats, [Job(addr=row, m=1, length=5) for row in range(8)])
    assert run.taken_cycles[2] - run.taken_cycles[0] == 2
