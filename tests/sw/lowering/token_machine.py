"""Runs a program's synchronization alone: queues, tokens and banks, in any order the hardware could take."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from spec.config import AcceleratorConfig
from spec.isa import Drain, Engine, Gemm, Halt, Instruction, Stream
from spec.spans import Span, spans

__all__ = ["TokenMachine", "interleavings"]

Choice = Callable[[Sequence[Engine | None]], Engine | None]


def interleavings(seed: int) -> Iterator[Choice]:
    """Ways to choose who goes next: fixed priorities of dispatcher (None) and engines, and at random."""
    rng = np.random.default_rng(seed)
    everyone = [None, *Engine]
    for favourite in everyone:
        for loser in everyone:
            yield lambda ready, f=favourite, x=loser: min(ready, key=lambda e: (e == x) - (e == f))
    yield lambda ready: ready[rng.integers(len(ready))]


class TokenMachine:
    """Three in-order engines behind queues, and a dispatcher that stops at a full one.

    A GEMM and its DRAIN go on tile by tile with the accumulator banks between them. Every instruction that starts is
    checked against those that run or ran out of program order.

    Parameters
    ----------
    config : AcceleratorConfig
    instructions : sequence of Instruction

    Attributes
    ----------
    most_tokens : int
        Greatest value that a token counter has had.
    """

    def __init__(self, config: AcceleratorConfig, instructions: Sequence[Instruction]) -> None:
        self._config, self._instructions = config, instructions
        self._spans = [list(spans(config, instruction)) for instruction in instructions]
        self._next = 0
        self._queues: dict[Engine, deque[int]] = {engine: deque() for engine in Engine}
        self._running: dict[Engine, int] = {}
        self._tiles: dict[Engine, int] = {}
        self._tokens: Counter[tuple[Engine, Engine]] = Counter()
        self._started: set[int] = set()
        self._finished: set[int] = set()
        self._full_banks = 0
        self._used_banks = 0
        self.most_tokens = 0

    def run(self, choose: Choice) -> None:
        """Run to the end.

        Raises
        ------
        AssertionError
            If nothing can go on, or an instruction starts while one that it depends on has not finished.
        """
        steps = {None: self._dispatch, **{engine: lambda e=engine: self._advance(e) for engine in Engine}}
        while True:
            ready = [actor for actor in steps if self._can(actor)]
            if not ready:
                break
            steps[choose(ready)]()
        done = len(self._finished)
        assert done == len(self._instructions), f"{done} of {len(self._instructions)} finished, then nothing moved"
        assert not any(self._tokens.values()), "tokens were left over"

    def _can(self, actor: Engine | None) -> bool:
        if actor is None:
            if self._next == len(self._instructions):
                return False
            engine = self._instructions[self._next].engine
            return engine is None or len(self._queues[engine]) < self._config.queue_depth
        if actor in self._running:
            return self._tile_ready(actor)
        if not self._queues[actor]:
            return False
        waits = self._instructions[self._queues[actor][0]].wait
        return all(self._tokens[e, actor] for e in Engine if waits >> e & 1)

    def _tile_ready(self, engine: Engine) -> bool:
        instruction = self._instructions[self._running[engine]]
        if isinstance(instruction, Gemm):
            return not instruction.clear or self._used_banks < self._config.acc_banks
        if isinstance(instruction, Drain):
            return self._full_banks > 0
        return True

    def _dispatch(self) -> None:
        instruction = self._instructions[self._next]
        if isinstance(instruction, Stream | Halt):
            self._finished.add(self._next)
        else:
            assert instruction.engine is not None
            self._queues[instruction.engine].append(self._next)
        self._next += 1

    def _advance(self, engine: Engine) -> None:
        if engine not in self._running:
            self._start(engine, self._queues[engine].popleft())
            return
        index = self._running[engine]
        instruction = self._instructions[index]
        if isinstance(instruction, Gemm):
            self._used_banks += instruction.clear
            self._full_banks += instruction.release
        elif isinstance(instruction, Drain):
            self._full_banks -= 1
            self._used_banks -= 1
        self._tiles[engine] -= 1
        if not self._tiles[engine]:
            self._finish(engine, index)

    def _start(self, engine: Engine, index: int) -> None:
        instruction = self._instructions[index]
        for producer in Engine:
            self._tokens[producer, engine] -= instruction.wait >> producer & 1
        unfinished = self._started - self._finished
        for other in unfinished | {i for i in range(index) if i not in self._finished}:
            assert not _conflict(self._spans[index], self._spans[other]), f"{index} starts before {other} is done"
        for other in (i for i in self._started if i > index):
            assert not _conflict(self._spans[index], self._spans[other]), f"{index} starts after {other}"
        self._started.add(index)
        self._running[engine] = index
        tiled = isinstance(instruction, Gemm | Drain)
        self._tiles[engine] = -(-instruction.n // self._config.cols) if tiled else 1

    def _finish(self, engine: Engine, index: int) -> None:
        del self._running[engine]
        self._finished.add(index)
        for consumer in Engine:
            self._tokens[engine, consumer] += self._instructions[index].signal >> consumer & 1
        self.most_tokens = max(self.most_tokens, *self._tokens.values(), 0)


def _conflict(a: list[Span], b: list[Span]) -> bool:
    """Whether the order of two instructions matters."""
    return any(x.conflicts(y) for x in a for y in b)
