"""Everything about a program that does not depend on data, worked out once."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sim.numpy.drain import DrainStep
from sim.numpy.gemm import GemmStep
from sim.numpy.load import LoadStep
from sim.numpy.state import State
from sim.numpy.sweep import SweepStep
from sim.numpy.weights import StreamedWeights, WeightCache
from spec.dispatch import Stop, dispatch
from spec.isa import Drain, Gemm, Instruction, Load, Stream, Sweep
from spec.memories import Memory
from spec.program import Program
from spec.spans import spans

__all__ = ["Plan", "make_plan"]


class Step(Protocol):
    """An instruction, ready to run."""

    def run(self, state: State) -> None:
        """Execute the instruction."""
        ...


@dataclass(frozen=True)
class Plan:
    """Steps in program order, and what stops the device after them."""

    steps: tuple[Step, ...]
    stop: Stop | None


def make_plan(program: Program, cache: WeightCache) -> Plan:
    """Decode and check a program.

    Parameters
    ----------
    program : Program
        The program.
    cache : WeightCache
        Where its weights are to be kept; must belong to its constants.
    """
    instructions, stop = dispatch(program)
    count = min(len(instructions), stop.index) if stop else len(instructions)
    return Plan(tuple(_steps(program, instructions, count, cache)), stop)


def _steps(program: Program, instructions: Sequence[Instruction], count: int, cache: WeightCache) -> Iterator[Step]:
    """Yield the steps of the first ``count`` instructions; those after them may stream weights for these."""
    config = program.config
    weights = _WeightStream(program, instructions, cache)
    for instruction in instructions[:count]:
        match instruction:
            case Load():
                yield LoadStep(config, instruction)
            case Gemm():
                yield GemmStep(config, instruction, None if instruction.b_scratchpad else weights.take(instruction))
            case Drain():
                yield DrainStep(config, instruction)
            case Sweep():
                yield SweepStep(config, instruction)


class _WeightStream:
    """Where in memory the words of the weight stream are, in order."""

    def __init__(self, program: Program, instructions: Sequence[Instruction], cache: WeightCache) -> None:
        self._config, self._cache = program.config, cache
        touched = [
            (instruction, span)
            for instruction in instructions
            if isinstance(instruction, Stream | Drain)
            for span in spans(program.config, instruction)
            if span.memory is Memory.MAIN
        ]
        self._parts = deque((span.start, span.stop) for i, span in touched if isinstance(i, Stream))
        first = program.constants_addr
        self._constants = (first, first + len(program.constants))
        self._written = [(span.start, span.stop) for _, span in touched if span.writes]

    def take(self, gemm: Gemm) -> StreamedWeights:
        """Return a GEMM's weights: kept if they are constants that no instruction writes."""
        nbytes = -(-gemm.n // self._config.cols) * self._config.cols * gemm.k_tiles * self._config.rows
        taken = []
        while nbytes:
            start, end = self._parts.popleft()
            middle = min(end, start + nbytes)
            taken.append((start, middle))
            nbytes -= middle - start
            if middle < end:
                self._parts.appendleft((middle, end))
        constant = all(self._constants[0] <= start and end <= self._constants[1] for start, end in taken)
        written = any(start < b and a < end for start, end in taken for a, b in self._written)
        cache = self._cache if constant and not written else None
        return StreamedWeights(self._config, gemm, tuple(taken), cache)
