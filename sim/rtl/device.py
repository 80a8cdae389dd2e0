"""The simulated hardware as a device."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hw.config import AcceleratorConfig
from hw.isa import INSTRUCTION_BYTES, ErrorCode, Instruction, decode, fields_of
from hw.program import Program
from hw.registers import COUNTERS, REGISTERS, Control, Status
from sim.device import DeviceError, Result
from sim.memory import MemoryModel
from sim.rtl.activity import Activity
from sim.rtl.build import build_simulator
from sim.rtl.chip import Chip
from sim.rtl.trace import Trace

__all__ = ["RtlDevice"]

_OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}

# What grows while a program gets on; bus traffic is watched as well.
_SIGNS_OF_LIFE = ("instructions", "array_busy", "post_busy")

_PATIENCE, _PATIENCE_WITHOUT_COUNTERS = 200_000, 20_000_000

# Between looks at the signs of life: a fraction of a second.
_CYCLES_PER_LOOK = 32768

# A soft reset takes as long as the largest memory has words, often few.
_CYCLES_PER_RESET_LOOK = 1024


class RtlDevice:
    """Runs programs on the RTL, cycle by cycle, behind the same buses as the real chip's.

    The first device of a configuration takes a minute or so to build; later ones find it in ``build/rtl``.

    Every run begins with a soft reset, so that nothing is left of the run before. ``run`` may be called from several
    threads at once; each then has a chip of its own, and as many run at the same time as there are processor cores.

    Parameters
    ----------
    config : AcceleratorConfig
        The accelerator.
    memory : MemoryModel, optional
        Timing and faults of the memory behind the bus.
    trace : Trace, optional
        Waveforms to write, from a simulator that is built for it; then, let one thread run at a time.
    record : callable, optional
        Called after each run with what the engines did in it; not together with ``trace``.
    patience : int, optional
        Cycles without any progress after which a program counts as hung. Default: 200,000, and more where hardware
        without performance counters shows no progress within an instruction.
    report : callable, optional
        Called with the name of each stage of building when it begins.

    Raises
    ------
    RuntimeError
        If the simulator cannot be built.
    ValueError
        If both ``trace`` and ``record`` are given.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        *,
        memory: MemoryModel | None = None,
        trace: Trace | None = None,
        record: Callable[[Activity], None] | None = None,
        patience: int | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        if trace and record:
            raise ValueError("a device must either trace or record, not both")
        self.config = config
        self._memory_model = memory or MemoryModel()
        self._trace, self._record = trace, record
        self._patience = patience or (_PATIENCE if config.counters else _PATIENCE_WITHOUT_COUNTERS)
        self._library = build_simulator(config, traced=trace is not None, probed=record is not None, report=report)
        self._idle_chips: list[Chip] = []

    def run(
        self,
        program: Program,
        inputs: dict[str, NDArray[np.generic]],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Result:
        """Write ``inputs`` to their regions, run to HALT, read the outputs.

        Parameters
        ----------
        program : Program
            What to run.
        inputs : dict of str to ndarray
            A value for each of the program's inputs.
        progress : callable, optional
            Called now and then with the cycles simulated and the instructions dispatched so far.

        Raises
        ------
        ValueError
            If the program was made for another configuration or an input has another dtype or shape.
        DeviceError
            If the device reports an error; with code 0 if it hangs.
        """
        if program.config != self.config:
            raise ValueError(f"the program must be made for {self.config}, not {program.config}")
        memory = program.memory_image(inputs)
        # Appending and popping are atomic: threads never get the same chip.
        chip = self._idle_chips.pop() if self._idle_chips else self._new_chip()
        chip.attach(memory)
        try:
            self._reset(chip)
            if self._trace:
                chip.trace(self._trace)
            if self._record:
                chip.record()
            self._start(chip, program)
            self._wait(chip, program, progress)
            counters = {counter.name: _read_counter(chip, counter.name) for counter in COUNTERS}
            if self._record:
                self._record(Activity(chip.changes))
        finally:
            if self._trace:
                chip.end_trace()
            self._idle_chips.append(chip)
        return Result(outputs=program.read_outputs(memory), cycles=counters["cycles"], counters=counters)

    def _new_chip(self) -> Chip:
        return Chip(self._library, self._memory_model, self.config.bus_bytes)

    def _reset(self, chip: Chip) -> None:
        """Clear everything that an earlier run has left."""
        chip.write(_OFFSETS["CONTROL"], Control.SOFT_RESET)
        while chip.read(_OFFSETS["STATUS"]) & Status.RESETTING:
            chip.advance(_CYCLES_PER_RESET_LOOK)

    def _start(self, chip: Chip, program: Program) -> None:
        chip.write(_OFFSETS["PROGRAM_ADDR"], program.instructions_addr)
        chip.write(_OFFSETS["PROGRAM_LENGTH"], program.instructions.size // INSTRUCTION_BYTES)
        chip.write(_OFFSETS["IRQ_ENABLE"], 1)
        chip.write(_OFFSETS["CONTROL"], Control.START)

    def _wait(self, chip: Chip, program: Program, progress: Callable[[int, int], None] | None) -> None:
        """Simulate until the interrupt, and see what it says."""
        start = alive_at = chip.cycles
        signs: tuple[int, ...] = ()
        while not chip.advance(min(_CYCLES_PER_LOOK, self._patience)):
            before, signs = signs, (chip.beats, *(_read_counter(chip, name) for name in _SIGNS_OF_LIFE))
            instructions = signs[1]
            if signs != before:
                alive_at = chip.cycles
            elif chip.cycles - alive_at >= self._patience:
                raise DeviceError(
                    f"instruction {instructions}: no progress for {self._patience} cycles", index=instructions
                )
            if progress:
                progress(chip.cycles - start, instructions)
        if chip.read(_OFFSETS["STATUS"]) & Status.ERROR:
            raise _error(chip, program)


def _read_counter(chip: Chip, name: str) -> int:
    return chip.read(_OFFSETS[name]) | chip.read(_OFFSETS[name] + 4) << 32


def _error(chip: Chip, program: Program) -> DeviceError:
    """Put the error registers into words."""
    code = ErrorCode(chip.read(_OFFSETS["ERROR_CODE"]))
    index, addr = chip.read(_OFFSETS["ERROR_INDEX"]), chip.read(_OFFSETS["ERROR_ADDR"])
    data = program.instructions[INSTRUCTION_BYTES * index :][:INSTRUCTION_BYTES].tobytes()
    try:
        instruction = f" ({_describe(decode(data))})"
    except ValueError:
        instruction = ""
    where = f" at address {addr:#x}" if addr else ""
    return DeviceError(f"instruction {index}{instruction}: {code.name}{where}", code=int(code), index=index, addr=addr)


def _describe(instruction: Instruction) -> str:
    """Return the instruction's name and its fields that are not zero."""
    values = {name: getattr(instruction, name) for name, _width, _signed in fields_of(type(instruction))}
    return " ".join([instruction.opcode.name, *(f"{name}={value}" for name, value in values.items() if value)])
