"""Everything about a program that does not depend on data, worked out once."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hw.bus.axi import BOUNDARY_BYTES, BURST_BEATS
from hw.check import check, load_units
from hw.config import AcceleratorConfig
from hw.isa import (
    INSTRUCTION_BYTES,
    Destination,
    Drain,
    ErrorCode,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    Stream,
    Sweep,
    decode,
)
from hw.program import Program
from sim.model.drain import DrainStep
from sim.model.gemm import GemmStep
from sim.model.liveness import find_hang
from sim.model.load import LoadStep
from sim.model.state import State
from sim.model.sweep import SweepStep
from sim.model.weights import StreamedWeights, WeightCache

__all__ = ["Plan", "Stop", "make_plan"]


class Step(Protocol):
    """An instruction, ready to run."""

    def run(self, state: State) -> None:
        """Execute the instruction."""
        ...


@dataclass(frozen=True)
class Stop:
    """Why, at which instruction and at which address a program does not come to HALT."""

    code: ErrorCode
    index: int
    addr: int = 0
    reason: str = ""


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
    instructions, stop = _dispatched(program)
    hang = find_hang(program.config, instructions)
    count = len(instructions)
    if hang and (stop is None or hang.index < stop.index):
        count, stop = hang.index, Stop(ErrorCode.NONE, hang.index, reason=hang.reason)
    return Plan(tuple(_steps(program, instructions, count, cache)), stop)


def _dispatched(program: Program) -> tuple[list[Instruction], Stop | None]:
    """Return the instructions before HALT or an error, and the error."""
    data = program.instructions.tobytes()
    instructions: list[Instruction] = []
    for index, start in enumerate(range(0, len(data), INSTRUCTION_BYTES)):
        try:
            instruction = decode(data[start : start + INSTRUCTION_BYTES])
        except ValueError:
            return instructions, Stop(ErrorCode.ILLEGAL_OPCODE, index)
        code, addr = check(program.config, instruction)
        if code != ErrorCode.NONE:
            return instructions, Stop(code, index, addr)
        if isinstance(instruction, Halt):
            return instructions, None
        code, addr = _check_bus(program, instruction)
        if code != ErrorCode.NONE:
            return instructions, Stop(code, index, addr)
        instructions.append(instruction)
    return instructions, Stop(ErrorCode.NO_HALT, len(instructions))


def _check_bus(program: Program, instruction: Instruction) -> tuple[ErrorCode, int]:
    """Return the error of the first burst that leaves the program's memory."""
    config = program.config
    match instruction:
        case Load():
            start, nbytes = (
                instruction.mem_addr,
                instruction.count * load_units(config, LoadTarget(instruction.target))[1],
            )
        case Stream():
            start, nbytes = instruction.mem_addr, instruction.count * config.rows
        case Drain(dest=Destination.MEMORY):
            start, nbytes = instruction.dest_addr, _dense_bytes(config, instruction)
        case _:
            return ErrorCode.NONE, 0
    code = ErrorCode.BUS_WRITE if isinstance(instruction, Drain) else ErrorCode.BUS_READ
    if start + nbytes <= program.memory_bytes:
        return ErrorCode.NONE, 0
    while (end := _burst_end(config, start)) <= program.memory_bytes:
        start = end
    return code, start


def _dense_bytes(config: AcceleratorConfig, drain: Drain) -> int:
    """Return how many bytes a DRAIN to memory writes."""
    return drain.m * -(-drain.n // config.lanes) * config.lanes * np.dtype(np.int32).itemsize


def _burst_end(config: AcceleratorConfig, start: int) -> int:
    """Return where a burst from ``start`` ends at the latest."""
    return min(start + BURST_BEATS * config.bus_bytes, (start // BOUNDARY_BYTES + 1) * BOUNDARY_BYTES)


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
        self._parts = deque(
            (s.mem_addr, s.mem_addr + s.count * program.config.rows) for s in instructions if isinstance(s, Stream)
        )
        first = program.constants_addr
        self._constants = (first, first + len(program.constants))
        self._written = [
            (d.dest_addr, d.dest_addr + _dense_bytes(self._config, d))
            for d in instructions
            if isinstance(d, Drain) and d.dest == Destination.MEMORY
        ]

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
