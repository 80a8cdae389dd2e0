"""Runs instructions on a simulated PostEngine, with everything around it stalling at random."""

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import Shape, Value
from numpy.typing import NDArray

from hw.core.post.engine import PostEngine
from hw.layouts import TABLE_WORD_BYTES
from spec.config import AcceleratorConfig
from spec.isa import Drain, Instruction, Stats, Sweep, SweepKind
from tests.hw.core.post.reference import PostState
from tests.hw.simulation import Simulation

__all__ = ["Item", "Run", "random_state", "run"]

Array = NDArray[np.int64]
Item = tuple[Instruction, Array | None]

_ATTRIBUTIONS = ("busy", "wait_bank", "wait_row", "wait_memory", "wait_instruction")
_ROW_UNIT_CYCLES = 20  # a row, at most
_WATCHDOG = 5000


@dataclass
class Run:
    """What the engine left, and when."""

    state: PostState
    latency: int = 0
    issued: list[int] = field(default_factory=list)  # cycles in which a chunk was issued
    done: list[int] = field(default_factory=list)  # cycles of `done`
    counts: dict[str, int] = field(default_factory=dict)


def random_state(config: AcceleratorConfig, rng: np.random.Generator, words: int = 64) -> PostState:
    """Memories full of numbers; ``words`` scratchpad words are looked at."""

    def draw(bits: int, *shape: int) -> Array:
        """Signed numbers of all magnitudes, with the extremes."""
        top = 1 << (bits - 1)
        values = rng.integers(-top, top, shape) >> rng.integers(0, bits, shape)
        return np.where(rng.random(shape) < 0.1, rng.choice([-top, top - 1], shape), values)

    depth, lanes = config.acc_depth, config.lanes
    return PostState(
        config=config,
        scratchpad=rng.integers(0, 256, (words, config.rows)),
        vector=draw(16, config.vector_words, lanes),
        bias=draw(28, config.param_words, lanes),
        mul=draw(18, config.param_words, lanes),
        mul2=draw(18, config.param_words, lanes),
        tables=rng.integers(0, 256, (config.tables, 2048)),
        a=draw(17, depth),
        b=rng.integers(0, 1 << 30, depth),
        row_mul=rng.integers(1 << 15, 1 << 17, depth),
        row_total=rng.integers(0, 64, depth),
        row_mean=draw(25, depth),
    )


@functools.cache
def _engine(config: AcceleratorConfig) -> tuple[PostEngine, Simulation]:
    """Return the engine of a configuration and its simulation."""
    dut = PostEngine(config)
    return dut, Simulation(dut)


def run(state: PostState, items: list[Item], *, seed: int = 0, stall: float = 0.0) -> Run:
    """Execute the instructions; ``stall`` is the probability that a stream pauses in a cycle.

    The given state stays as it is. A DRAIN's tiles become full in order, each in the next bank as soon as that is free.
    """
    config = state.config
    dut, simulation = _engine(config)
    result = Run(deepcopy(state), latency=dut.latency)

    async def bench(ctx: Any) -> None:
        _preload(ctx, dut, state)
        await _Surroundings(dut, result, items, np.random.default_rng(seed), stall).play(ctx)
        _collect(ctx, dut, result.state)

    simulation.run(bench)
    return result


class _Surroundings:
    """Instruction queue, accumulators, scratchpad and bus around the engine."""

    def __init__(self, dut: PostEngine, result: Run, items: list[Item], rng: np.random.Generator, stall: float) -> None:
        self.dut, self.result, self.rng, self.stall = dut, result, rng, stall
        self.config = result.state.config
        self.total = len(items)
        self.instructions = deque(items)
        self.tiles = deque(
            acc[:, c : c + self.config.cols]
            for i, acc in items
            if isinstance(i, Drain) and acc is not None
            for c in range(0, i.n, self.config.cols)
        )
        self.banks: list[Array | None] = [None] * self.config.acc_banks
        self.full: deque[int] = deque()  # not yet announced
        self.announced: deque[int] = deque()
        self.next_bank = 0
        self.freed: deque[tuple[int, int]] = deque()  # bank, cycle
        self.reads: deque[Array] = deque([np.zeros(self.config.lanes, np.int64)] * 2)
        self.write_done_at: deque[int] = deque()
        self.counts = dict.fromkeys(_ATTRIBUTIONS, 0)

    async def play(self, ctx: Any) -> None:
        """Run until all instructions are done and the row unit is idle."""
        dut = self.dut
        row_unit_cycles = _ROW_UNIT_CYCLES * (6 + sum(_job_rows(i) for i, _ in self.instructions))
        signals = [
            *(getattr(dut, name) for name in _ATTRIBUTIONS),
            *(dut.done, dut.i.ready, dut.freed, dut.o_memory.valid),
            *(_bits(getattr(dut.acc_read, name)) for name in ("en", "bank", "row", "chunk")),
            *(_bits(getattr(dut.post_write, name)) for name in ("en", "addr", "mask", "data")),
            *(_bits(getattr(dut.o_memory.payload, name)) for name in ("addr", "last", "data")),
        ]
        i_valid = False
        cycle = rest = idle = 0
        while rest < row_unit_cycles:
            i_valid = i_valid or (bool(self.instructions) and self._go())
            filled = bool(self.full) and self._go()
            ready = self._go()
            self._drive(ctx, cycle, i_valid=i_valid, filled=filled, ready=ready)
            _, _, *sampled = await ctx.tick().sample(*signals)

            attribution, (done, i_ready, freed, out_valid) = sampled[:5], sampled[5:9]
            assert sum(attribution) == 1, "each cycle has one attribution"
            for name, count in zip(_ATTRIBUTIONS, attribution, strict=True):
                self.counts[name] += count
            if attribution[0]:
                self.result.issued.append(cycle)
            if done:
                self.result.done.append(cycle)
            self._answer_read(ctx, *sampled[9:13])
            self._take_write(*sampled[13:17])
            if out_valid and ready:
                self._take_output(cycle, *sampled[17:])
            if i_valid and i_ready:
                self.instructions.popleft()
                i_valid = False
            if filled:
                self.announced.append(self.full.popleft())
            if freed:
                self.freed.append((self.announced.popleft(), cycle))
            self._fill_banks(cycle)

            cycle += 1
            idle = 0 if attribution[0] or done else idle + 1
            rest = rest + 1 if len(self.result.done) == self.total else 0
            assert idle < _WATCHDOG + row_unit_cycles, "the engine hangs"
        self.result.counts = self.counts

    def _go(self) -> bool:
        return bool(self.rng.random() >= self.stall)

    def _drive(self, ctx: Any, cycle: int, *, i_valid: bool, filled: bool, ready: bool) -> None:
        dut = self.dut
        ctx.set(dut.i.valid, i_valid)
        if i_valid:
            ctx.set(dut.i.payload, int.from_bytes(self.instructions[0][0].encode(), "little"))
        ctx.set(dut.filled, filled)
        ctx.set(dut.o_memory.ready, ready)
        write_done = bool(self.write_done_at) and self.write_done_at[0] <= cycle
        if write_done:
            self.write_done_at.popleft()
        ctx.set(dut.write_done, write_done)

    def _answer_read(self, ctx: Any, en: int, bank: int, row: int, chunk: int) -> None:
        ctx.set(_bits(self.dut.acc_read.data), _pack(self.reads.popleft(), 32))
        read = self.reads[-1]
        if en:
            lanes = self.config.lanes
            content = self.banks[bank]
            assert content is not None, "the bank that is read must be full"
            read = content[row, chunk * lanes : (chunk + 1) * lanes]
        self.reads.append(read)

    def _fill_banks(self, cycle: int) -> None:
        """Let banks go in the cycle after their last read request, fill them in turn."""
        while self.freed and self.freed[0][1] < cycle:
            self.banks[self.freed.popleft()[0]] = None
        while self.tiles and self.banks[self.next_bank] is None:
            self.banks[self.next_bank] = self.tiles.popleft()
            self.full.append(self.next_bank)
            self.next_bank = (self.next_bank + 1) % self.config.acc_banks

    def _take_write(self, en: int, addr: int, mask: int, word: int) -> None:
        if en:
            for byte in range(self.config.rows):
                if mask >> byte & 1:
                    self.result.state.scratchpad[addr, byte] = word >> 8 * byte & 255

    def _take_output(self, cycle: int, addr: int, last: int, word: int) -> None:
        self.result.state.memory.append((addr, tuple(_unpack(word, 32, self.config.lanes)), last))
        if last:
            self.write_done_at.append(cycle + int(self.rng.integers(1, 40)))


def _job_rows(i: Instruction) -> int:
    """Rows that the row unit has to work on."""
    if isinstance(i, Drain):
        return i.m if i.stats == Stats.MOMENTS and i.stats_last else 0
    return i.m if isinstance(i, Sweep) and i.kind in {SweepKind.MOMENTS, SweepKind.SOFTMAX} else 0


def _bits(signal: Any) -> Value:
    return Value.cast(signal)


def _pack(values: Iterable[int], width: int) -> int:
    return sum((int(x) & ((1 << width) - 1)) << (width * k) for k, x in enumerate(values))


def _unpack(word: int, width: int, count: int, *, signed: bool = True) -> list[int]:
    values = [word >> width * k & ((1 << width) - 1) for k in range(count)]
    return [x - (1 << width) if x >> (width - 1) else x for x in values] if signed else values


def _rows(dut: PostEngine, state: PostState) -> Iterator[tuple[Any, NDArray[np.int64]]]:
    """The engine's memories, each with its twin in the state."""
    params, rows = dut.param_memory.storage, dut.row_memory.storage
    yield dut.vector_memory.storage, state.vector
    yield from ((params[name], getattr(state, name)) for name in ("bias", "mul", "mul2"))
    yield from ((copy, state.tables.reshape(-1, TABLE_WORD_BYTES)) for copy in dut.table_memory.storage)
    yield from ((rows[name], getattr(state, name)[:, None]) for name in ("a", "b"))


def _preload(ctx: Any, dut: PostEngine, state: PostState) -> None:
    for memory, content in _rows(dut, state):
        shape = Shape.cast(memory.shape)
        width, signed = shape.width // content.shape[1], shape.signed
        for k, word in enumerate(content):
            packed = _pack(word, width)
            signed_word = signed and packed >> (width - 1)
            _set(ctx, memory, k, packed - (1 << width) if signed_word else packed)
    layout = dut.row_memory.scalar_storage.shape
    for k, (mul, total, mean) in enumerate(zip(state.row_mul, state.row_total, state.row_mean, strict=True)):
        scalars = layout.const({"mul": int(mul), "total": int(total), "mean": int(mean)})
        _set(ctx, dut.row_memory.scalar_storage, k, scalars.as_bits())


def _set(ctx: Any, memory: Any, k: int, bits: int) -> None:
    target = memory.data[k]
    ctx.set(target if isinstance(target, Value) else Value.cast(target), bits)


def _collect(ctx: Any, dut: PostEngine, state: PostState) -> None:
    """Read the engine's memories into the state; the copies of the tables must still agree."""
    params, rows = dut.param_memory.storage, dut.row_memory.storage
    state.vector = _words(ctx, dut.vector_memory.storage)
    state.bias, state.mul, state.mul2 = (_words(ctx, params[name]) for name in ("bias", "mul", "mul2"))
    copies = [_words(ctx, copy).reshape(-1, 2048) for copy in dut.table_memory.storage]
    assert all(np.array_equal(copy, copies[0]) for copy in copies)
    state.tables = copies[0]
    state.a, state.b = (np.array([ctx.get(rows[name].data[k]) for k in range(rows[name].depth)]) for name in "ab")
    scalars = dut.row_memory.scalar_storage
    read = [ctx.get(scalars.data[k]) for k in range(scalars.depth)]
    state.row_mul, state.row_total, state.row_mean = (
        np.array([row[name] for row in read]) for name in ("mul", "total", "mean")
    )


def _words(ctx: Any, memory: Any) -> Array:
    number, count = Shape.cast(memory.shape.elem_shape), memory.shape.length
    words = (ctx.get(_bits(memory.data[k])) for k in range(memory.depth))
    return np.array([_unpack(word, number.width, count, signed=number.signed) for word in words], np.int64)
