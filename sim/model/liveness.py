"""Whether a program comes to its end on bounded queues, banks and a finite weight stream."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hw.config import AcceleratorConfig
from hw.isa import Drain, Engine, Gemm, Instruction, Stream

__all__ = ["Hang", "find_hang"]


@dataclass(frozen=True)
class Hang:
    """The instruction that never ends, and why."""

    index: int
    reason: str


def find_hang(config: AcceleratorConfig, instructions: Sequence[Instruction]) -> Hang | None:
    """Run a program without data: tokens, queues, accumulator banks and words of the weight stream only.

    What can go on does so in any order, because nothing that one engine does takes anything from another's choice: if
    this run ends, every run does.

    Parameters
    ----------
    config : AcceleratorConfig
        Depths of queues and banks.
    instructions : sequence of Instruction
        All that are dispatched before HALT or an error, checked.
    """
    run = _Run(config)
    for index, instruction in enumerate(instructions):
        if isinstance(instruction, Stream):
            run.words += instruction.count
        elif instruction.engine is not None:
            queue = run.queues[instruction.engine]
            while len(queue) > config.queue_depth:
                if not run.advance():
                    return run.stuck()
            queue.append(_Job(config, index, instruction))
    while any(run.queues.values()):
        if not run.advance():
            return run.stuck()
    if run.words:
        return Hang(len(instructions), f"{run.words} words of the weight stream are left over")
    return None


@dataclass
class _Job:
    """An instruction in a queue, the first of which is being executed."""

    config: AcceleratorConfig
    index: int
    instruction: Instruction
    tiles: int = field(init=False)
    started: bool = False

    def __post_init__(self) -> None:
        has_tiles = isinstance(self.instruction, Gemm | Drain)
        self.tiles = -(-self.instruction.n // self.config.cols) if has_tiles else 0  # type: ignore[attr-defined]


class _Run:
    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        self.queues: dict[Engine, deque[_Job]] = {engine: deque() for engine in Engine}
        self.tokens = {(giver, taker): 0 for giver in Engine for taker in Engine}
        self.words = 0
        self.full_banks = 0

    def advance(self) -> bool:
        """Let every engine go on as far as it can; tell whether one did."""
        moved = False
        for engine, queue in self.queues.items():
            while queue and self._step(engine, queue[0]):
                moved = True
                if queue[0].started and not queue[0].tiles:
                    self._finish(engine, queue.popleft())
        return moved

    def stuck(self) -> Hang:
        """Return the oldest instruction that waits."""
        engine, job = min(
            ((engine, queue[0]) for engine, queue in self.queues.items() if queue), key=lambda pair: pair[1].index
        )
        return Hang(job.index, self._missing(engine, job))

    def _step(self, engine: Engine, job: _Job) -> bool:
        """Start the job, or do its next tile, if nothing is missing."""
        if self._missing(engine, job):
            return False
        if not job.started:
            for giver in _engines(job.instruction.wait):
                self.tokens[giver, engine] -= 1
            job.started = True
            return True
        job.tiles -= 1
        match job.instruction:
            case Gemm() as gemm:
                self.words -= self._tile_words(gemm)
                self.full_banks += gemm.release
            case Drain():
                self.full_banks -= 1
        return True

    def _finish(self, engine: Engine, job: _Job) -> None:
        for taker in _engines(job.instruction.signal):
            self.tokens[engine, taker] += 1

    def _missing(self, engine: Engine, job: _Job) -> str:
        """Return what the job waits for."""
        if not job.started:
            givers = [giver.name for giver in _engines(job.instruction.wait) if not self.tokens[giver, engine]]
            return f"waits for a token of {' and '.join(givers)}" if givers else ""
        match job.instruction:
            case Gemm() as gemm if self._tile_words(gemm) > self.words:
                return "waits for words of the weight stream"
            case Gemm() if self.full_banks == self.config.acc_banks:
                return "waits for an empty accumulator bank"
            case Drain() if not self.full_banks:
                return "waits for a full accumulator bank"
        return ""

    def _tile_words(self, gemm: Gemm) -> int:
        return 0 if gemm.b_scratchpad else gemm.k_tiles * self.config.cols


def _engines(mask: int) -> list[Engine]:
    return [engine for engine in Engine if mask >> engine & 1]
