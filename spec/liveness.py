"""Whether a program comes to its end on bounded queues, banks, tokens and a finite weight stream."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from spec.config import AcceleratorConfig
from spec.isa import MOST_TOKENS, Drain, Engine, Gemm, Instruction, Stream

__all__ = ["MOST_STREAMS", "Hang", "find_hang"]

MOST_STREAMS = 16
"""STREAMs of the micro core none of whose words has been used."""

_LATE_STREAM = "waits until the words of earlier STREAMs are used"


@dataclass(frozen=True)
class Hang:
    """The instruction that never ends, and why."""

    index: int
    reason: str


def find_hang(config: AcceleratorConfig, instructions: Sequence[Instruction]) -> Hang | None:
    """Run a program without data: tokens, queues, accumulator banks and words of the weight stream only.

    What can go on does so in any order, because nothing that one engine does takes anything from another's choice: if
    this run ends, every run does. The micro core has one order, that of the program, except for GEMMs.

    Parameters
    ----------
    config : AcceleratorConfig
        Depths of queues and banks, and which of the two cores.
    instructions : sequence of Instruction
        All that are dispatched before HALT or an error, checked.
    """
    run = _MicroRun(config) if config.core == "micro" else _Run(config)
    for index, instruction in enumerate(instructions):
        hang = run.dispatch(_Job(config, index, instruction))
        if hang:
            # On the micro core GEMMs in front of what stops it may be waiting as well.
            return min(filter(None, (hang, run.stuck())), key=lambda each: each.index)
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
    """Engines that run at the same time, each in order."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        self.queues: dict[Engine, deque[_Job]] = {engine: deque() for engine in Engine}
        self.tokens = {(giver, taker): 0 for giver in Engine for taker in Engine}
        self.promised = dict(self.tokens)
        self.streams: deque[int] = deque()  # words of each STREAM that no GEMM has used
        self.full_banks = 0

    @property
    def words(self) -> int:
        """Words of the weight stream that no GEMM has used."""
        return sum(self.streams)

    def dispatch(self, job: _Job) -> Hang | None:
        """Put the job into its queue once that has room, if it ever does."""
        instruction, depth = job.instruction, self.config.queue_depth
        if isinstance(instruction, Stream):
            # One of them is being read.
            while len(self.streams) > depth:
                if not self.advance():
                    return self.stuck() or Hang(job.index, _LATE_STREAM)
            self.streams.append(instruction.count)
        elif instruction.engine is not None:
            queue = self.queues[instruction.engine]
            while sum(not waiting.started for waiting in queue) == depth:
                if not self.advance():
                    return self.stuck()
            queue.append(job)
        return None

    def advance(self) -> bool:
        """Let every engine go on as far as it can; tell whether one did."""
        moved = False
        for engine, queue in self.queues.items():
            while queue and self._step(engine, queue[0]):
                moved = True
                if queue[0].started and not queue[0].tiles:
                    self._finish(engine, queue.popleft())
        return moved

    def stuck(self) -> Hang | None:
        """Return the oldest instruction that waits, if there is one."""
        waiting = [(engine, queue[0]) for engine, queue in self.queues.items() if queue]
        if not waiting:
            return None
        engine, job = min(waiting, key=lambda pair: pair[1].index)
        return Hang(job.index, self._missing(engine, job))

    def _step(self, engine: Engine, job: _Job) -> bool:
        """Start the job, or do its next tile, if nothing is missing."""
        if self._missing(engine, job):
            return False
        if not job.started:
            self._start(engine, job)
            return True
        job.tiles -= 1
        match job.instruction:
            case Gemm() as gemm:
                self._use_words(self._tile_words(gemm))
                self.full_banks += gemm.release
            case Drain():
                self.full_banks -= 1
        return True

    def _start(self, engine: Engine, job: _Job) -> None:
        for giver in _engines(job.instruction.wait):
            self.tokens[giver, engine] -= 1
            self.promised[giver, engine] -= 1
        for taker in _engines(job.instruction.signal):
            self.promised[engine, taker] += 1
        job.started = True

    def _finish(self, engine: Engine, job: _Job) -> None:
        for taker in _engines(job.instruction.signal):
            self.tokens[engine, taker] += 1

    def _missing(self, engine: Engine, job: _Job) -> str:
        """Return what the job waits for."""
        if not job.started:
            givers = [giver.name for giver in _engines(job.instruction.wait) if not self.tokens[giver, engine]]
            return f"waits for a token of {' and '.join(givers)}" if givers else self._full(engine, job)
        match job.instruction:
            case Gemm() as gemm if self._tile_words(gemm) > self.words:
                return "waits for words of the weight stream"
            case Gemm() if self.full_banks == self.config.acc_banks:
                return "waits for an empty accumulator bank"
            case Drain() if not self.full_banks:
                return "waits for a full accumulator bank"
        return ""

    def _full(self, engine: Engine, job: _Job) -> str:
        """Return whose tokens have no room."""
        for taker in _engines(job.instruction.signal):
            if self.promised[engine, taker] == MOST_TOKENS:
                return f"waits until {taker.name} takes one of {MOST_TOKENS} tokens"
        return ""

    def _tile_words(self, gemm: Gemm) -> int:
        return 0 if gemm.b_scratchpad else gemm.k_tiles * self.config.cols

    def _use_words(self, count: int) -> None:
        while count:
            used = min(count, self.streams[0])
            self.streams[0] -= used
            count -= used
            if not self.streams[0]:
                self.streams.popleft()


class _MicroRun(_Run):
    """The micro core: one instruction after the other, but a GEMM that has its tokens waits in a queue."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(config)
        self.overflow: Hang | None = None
        self.begun = 0  # STREAMs of which a GEMM has used some words and not all

    def dispatch(self, job: _Job) -> Hang | None:
        """Execute the job to its end, or put it into its queue."""
        engine = job.instruction.engine
        if isinstance(job.instruction, Stream):
            if len(self.streams) - self.begun == MOST_STREAMS:
                return Hang(job.index, _LATE_STREAM)
            self.streams.append(job.instruction.count)
        elif engine is not None:
            if missing := self._missing(engine, job):
                return Hang(job.index, missing)
            self._start(engine, job)
            if isinstance(job.instruction, Gemm):
                if len(self.queues[engine]) > self.config.queue_depth:
                    return self.stuck()
                self.queues[engine].append(job)
            else:
                while job.tiles:
                    if missing := self._missing(engine, job):
                        return Hang(job.index, missing)
                    self._step(engine, job)
                    self.advance()
                self._finish(engine, job)
        self.advance()
        return self.overflow

    def _finish(self, engine: Engine, job: _Job) -> None:
        for taker in _engines(job.instruction.signal):
            if self.tokens[engine, taker] == MOST_TOKENS and not self.overflow:
                self.overflow = Hang(job.index, f"waits until {taker.name} takes one of {MOST_TOKENS} tokens")
        super()._finish(engine, job)

    def _full(self, _engine: Engine, _job: _Job) -> str:
        return ""

    def _use_words(self, count: int) -> None:
        before = len(self.streams)
        first = self.streams[0] if count else 0
        super()._use_words(count)
        if count:
            self.begun = int(bool(self.streams) and (len(self.streams) < before or self.streams[0] < first))


def _engines(mask: int) -> list[Engine]:
    return [engine for engine in Engine if mask >> engine & 1]
