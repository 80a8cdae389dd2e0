"""One experiment with one chip: everything in it follows from a configuration and a seed."""

from dataclasses import dataclass
from functools import cache
from random import Random
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig
from spec.device import DeviceError
from spec.isa import INSTRUCTION_BYTES, ErrorCode, decode
from spec.memories import Memory
from spec.program import Program
from spec.registers import Control, Status
from spec.rules import check_raw
from spec.spans import spans
from tests.conformance.hostile.behaviour import Behaviour, random_timing
from tests.conformance.hostile.chip import Chip, Seen
from tests.conformance.hostile.code import code_of, with_code, with_junk
from tests.conformance.hostile.harder_generator import HarderGenerator

__all__ = ["FINE", "Job", "Outcome", "Trial"]

START_CYCLES = 3
"""From the answer to the write of START until the interrupt has fallen."""

RESET_CYCLES = 20_000
"""More than a soft reset takes on a bus that owes nothing."""

LONGEST, LONGEST_MICRO = 1_000_000, 8_000_000
"""More cycles than any program here takes."""


@dataclass(frozen=True)
class Outcome:
    """How a program ended: as in the error registers; for a deadlock, which no instruction has, with zeros."""

    code: ErrorCode
    index: int = 0
    addr: int = 0


FINE = Outcome(ErrorCode.NONE)


class Job:
    """A program with its inputs, and what the integer model makes of it.

    Parameters
    ----------
    program : Program
    inputs : dict of str to ndarray

    Attributes
    ----------
    outcome : Outcome
    memory : ndarray of uint8
        The memory afterwards.
    """

    def __init__(self, program: Program, inputs: dict[str, NDArray[np.generic]]) -> None:
        self.program, self.inputs = program, inputs
        model = ModelDevice(program.config)
        self.outcome = FINE
        try:
            model.run(program, inputs)
        except DeviceError as error:
            code = ErrorCode(error.code)
            self.outcome = Outcome(code) if code == ErrorCode.DEADLOCK else Outcome(code, error.index, error.addr)
        self.memory = model.memory

    @property
    def length(self) -> int:
        """Instructions."""
        return self.program.instructions.size // INSTRUCTION_BYTES

    def image(self) -> NDArray[np.uint8]:
        """Return the memory before."""
        return self.program.memory_image(self.inputs)


class Trial:
    """A chip, reset, and what a host does with it.

    As a context manager it adds the way to repeat it to whatever goes wrong, and finds broken rules of AXI at the end.

    Parameters
    ----------
    config : AcceleratorConfig
    seed : int
    command : str
        What repeats this trial.

    Attributes
    ----------
    rng : random.Random
    chip : Chip
    instructions : int
        Those of all programs that were started.
    memory : ndarray of uint8
        What is behind the bus.
    """

    def __init__(self, config: AcceleratorConfig, seed: int, command: str) -> None:
        self.config, self.seed, self._command = config, seed, command
        self.rng = Random(seed)
        self.chip = Chip(config, seed)
        self.instructions = 0
        self.memory = np.zeros(0, np.uint8)
        self.longest = LONGEST_MICRO if config.core == "micro" else LONGEST

    def __enter__(self) -> Self:
        self.reset()
        return self

    def __exit__(self, _kind: type | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        broken = self.chip.violations()
        if error is None:
            assert not broken, f"{broken}seed {self.seed}, {self.config}\nrepeat with: {self._command}"
        else:
            error.add_note(f"{broken}seed {self.seed}, {self.config}\nrepeat with: {self._command}")

    def job(self, *, steps: int, junk: bool = True, finish: bool = True) -> Job:
        """Return a new valid job of that many random steps; ``finish`` brings all memories to outputs."""
        generator = HarderGenerator(self.config, self.rng.getrandbits(32))
        generator.fill_memories()
        generator.steps(steps)
        if finish:
            generator.finish()
        program, inputs = generator.program()
        if junk:
            program = with_code(program, [with_junk(raw, self.rng) for raw in code_of(program)])
        job = Job(program, inputs)
        assert job.outcome == FINE, f"the generator must make valid programs, not one of {job.outcome}"
        return job

    def measured_job(self, *, writes: bool = False) -> tuple[Job, Seen]:
        """Return a job, perhaps one that surely writes, and its transfers on a bus without faults."""
        job = self.job(steps=self.rng.choice([1, 2, 5]), finish=writes or self.rng.random() < 0.3)
        self.behave()
        assert self.run(job) == FINE
        return job, self.chip.seen

    def behave(self, **faults: int) -> None:
        """Give the memory another random timing, with faults that count from now on."""
        timing = random_timing(self.rng)
        self.chip.behave(Behaviour(**{**vars(timing), **faults}))

    def attach(self, job: Job) -> None:
        """Put a job's memory behind the bus."""
        self.memory = job.image()
        self.chip.attach(self.memory)

    def start(self, job: Job) -> None:
        """Start a job whose memory is there."""
        self.instructions += job.length
        self.chip.write("PROGRAM_ADDR", job.program.instructions_addr)
        self.chip.write("PROGRAM_LENGTH", job.length)
        self.chip.write("IRQ_ENABLE", 1)
        self.go()

    def go(self) -> None:
        """Start what the registers say; the interrupt of the program before falls."""
        self.chip.write("CONTROL", Control.START)
        self.chip.advance(START_CYCLES)

    def outcome(self) -> Outcome:
        """Wait for the interrupt and return what the registers say."""
        self.chip.advance(self.longest, until_irq=True)
        assert self.chip.irq, f"every program must end; STATUS is {self.status!r}"
        status = self.status
        assert not status & Status.BUSY, "what has ended must not be busy"
        shown = Outcome(
            ErrorCode(self.chip.read("ERROR_CODE")), self.chip.read("ERROR_INDEX"), self.chip.read("ERROR_ADDR")
        )
        expected = Status.DONE if shown.code == ErrorCode.NONE else Status.ERROR
        assert status & (Status.DONE | Status.ERROR) == expected
        return shown

    def run(self, job: Job) -> Outcome:
        """Attach, start and wait."""
        self.attach(job)
        self.start(job)
        return self.outcome()

    @property
    def status(self) -> Status:
        return Status(self.chip.read("STATUS"))

    def reset(self) -> None:
        """Do a soft reset on a bus that answers."""
        self.chip.write("CONTROL", Control.SOFT_RESET)
        self.await_reset()

    def await_reset(self) -> None:
        """Wait until a soft reset has ended."""
        began = self.chip.cycles
        while self.status & Status.RESETTING:
            assert self.chip.cycles - began < RESET_CYCLES, "a soft reset must end once the bus owes nothing"
            self.chip.advance(100)
        assert not self.status & ~Status.REFUSED
        assert not self.chip.awaited, "a soft reset must not end before the bus owes nothing"
        names = ("ERROR_CODE", "ERROR_INDEX", "ERROR_ADDR", "cycles", "instructions")
        assert not any(self.chip.read(name) for name in names), "a soft reset must clear error and counters"

    def assert_exact(self, job: Job) -> None:
        """Every byte of the memory must be as the model has left it."""
        different = np.flatnonzero(self.memory != job.memory)
        if different.size:
            first, last = int(different[0]), int(different[-1])
            outputs = [name for name, r in job.program.outputs.items() if r.addr <= last and first < r.addr + r.nbytes]
            message = f"{different.size} bytes from {first:#x} to {last:#x} must equal the model's"
            raise AssertionError(f"{message}; outputs there: {', '.join(outputs) or 'none'}")

    def assert_nothing_else_written(self, job: Job) -> None:
        """Bytes that no DRAIN of the job writes must be as they were; those of illegal ones are none."""
        kept = np.ones(self.memory.size, bool)
        for raw in code_of(job.program):
            if check_raw(self.config, raw)[0] == ErrorCode.NONE:
                for span in spans(self.config, decode(raw)):
                    if span.memory is Memory.MAIN and span.writes:
                        kept[span.start : span.stop] = False
        different = np.flatnonzero(kept & (self.memory != job.image()))
        assert not different.size, f"no instruction writes the bytes at {different[0]:#x} to {different[-1]:#x}"

    def assert_refused(self) -> None:
        """START must do nothing but to say so."""
        before = self.status
        self.chip.write("CONTROL", Control.START)
        after = self.status
        assert after & Status.REFUSED, "a START that is refused must show"
        assert after & ~Status.REFUSED == before & ~Status.REFUSED, "a START that is refused must do nothing"

    def recover(self) -> None:
        """Reset; the next job must then be as if nothing had been."""
        self.reset()
        self.behave()
        self.assert_next_job_exact()

    def assert_next_job_exact(self) -> None:
        """Run another job after a reset."""
        job = _next_job(self.config)
        assert self.run(job) == FINE
        self.assert_exact(job)


@cache
def _next_job(config: AcceleratorConfig) -> Job:
    """Return a job that loads what it needs and brings all memories to outputs."""
    generator = HarderGenerator(config, 77)
    generator.fill_memories()
    generator.steps(2 if config.core == "micro" else 4)
    generator.finish()
    return Job(*generator.program())
