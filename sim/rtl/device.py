"""The simulated hardware as a device."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from host.driver import Driver
from sim.memory import MemoryModel
from sim.rtl.activity import Activity
from sim.rtl.build import build_simulator
from sim.rtl.chip import Chip
from sim.rtl.trace import Trace
from spec.config import AcceleratorConfig
from spec.device import DeviceError, Result
from spec.isa import ErrorCode
from spec.program import Program

__all__ = ["RtlDevice"]

_PATIENCE, _PATIENCE_WITHOUT_COUNTERS = 200_000, 20_000_000

# Between looks at the signs of life: a fraction of a second.
_CYCLES_PER_LOOK = 32768

# A soft reset takes as long as the largest memory has words, often few.
_CYCLES_PER_RESET_LOOK = 1024


class RtlDevice:
    """A device that runs programs on the RTL, cycle by cycle, behind the same buses as the real chip's.

    The first device of a configuration takes a minute or so to build; later ones find it in ``build/rtl``.

    Every run begins with a soft reset, so that nothing is left of the run before; after a bus that has died, with a new
    chip, as hardware would need a hardware reset. ``run`` may be called from several
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
        Cycles without any progress after which a program counts as hung. Default: 200,000, or more where hardware
        without performance counters shows no progress within an instruction, or takes longer to report that by itself.
    tell : callable, optional
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
        tell: Callable[[str], None] | None = None,
    ) -> None:
        if trace and record:
            raise ValueError("a device must either trace or record, not both")
        self.config = config
        self._memory_model = memory or MemoryModel()
        self._trace, self._record = trace, record
        usual = _PATIENCE_WITHOUT_COUNTERS if config.core == "micro" else _PATIENCE
        self._reset_patience = max(usual, 2 * config.timeout_cycles)
        self._patience = patience or self._reset_patience
        self._library = build_simulator(config, traced=trace is not None, probed=record is not None, tell=tell)
        self._idle_chips: list[Chip] = []

    def run(
        self,
        program: Program,
        inputs: dict[str, NDArray[np.generic]],
        state: Mapping[str, NDArray[np.generic]] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Result:
        """Write ``inputs`` and ``state`` to their regions, run to HALT, read outputs and state.

        Parameters
        ----------
        program : Program
            What to run.
        inputs : dict of str to ndarray
            A value for each of the program's inputs.
        state : mapping of str to ndarray, optional
            What an earlier run has left; zeros without.
        progress : callable, optional
            Called now and then with the cycles simulated and the instructions dispatched so far.

        Raises
        ------
        ValueError
            If the program was made for another configuration or an input has another dtype or shape.
        DeviceError
            If the device reports an error; with code 0 if it shows neither progress nor an error.
        """
        if program.config != self.config:
            raise ValueError(f"the program must be made for {self.config}, not {program.config}")
        memory = program.memory_image(inputs, state)
        # Appending and popping are atomic: threads never get the same chip.
        chip = self._idle_chips.pop() if self._idle_chips else self._new_chip()
        driver = Driver(chip, "cycles")
        dead = False
        try:
            # What an earlier run has left under way still goes to that run's memory.
            driver.reset(lambda: _advance(chip, _CYCLES_PER_RESET_LOOK), self._reset_patience)
            chip.attach(memory)
            if self._trace:
                chip.trace(self._trace)
            if self._record:
                chip.record()
            driver.start(program)
            start, step = chip.cycles, min(_CYCLES_PER_LOOK, self._patience)
            driver.wait(program, lambda: _advance(chip, step) - start, self._patience, progress)
            counters = driver.counters()
            if self._record:
                self._record(Activity(chip.changes))
        except DeviceError as error:
            dead = error.code == ErrorCode.BUS_TIMEOUT
            raise
        finally:
            if self._trace:
                chip.end_trace()
            if not dead:
                self._idle_chips.append(chip)
        return Result(
            outputs=program.read_outputs(memory),
            state=program.read_state(memory),
            cycles=counters["cycles"],
            counters=counters,
        )

    def _new_chip(self) -> Chip:
        return Chip(self._library, self._memory_model, self.config.bus_bytes)


def _advance(chip: Chip, cycles: int) -> int:
    """Simulate, at most until the interrupt, and return the time in cycles."""
    chip.advance(cycles)
    return chip.cycles
