"""The integer model as a device."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sim.numpy.plan import Plan, make_plan
from sim.numpy.state import State
from sim.numpy.weights import WeightCache
from spec.config import AcceleratorConfig
from spec.device import DeviceError, Result
from spec.dispatch import Stop
from spec.program import Program

__all__ = ["ModelDevice"]


class ModelDevice:
    """A device that executes instructions one by one, as ``docs/architecture.md`` and :mod:`spec.arithmetic` say.

    A deadlock (tokens, accumulator banks or weights that never come, weights left over) is found without running into
    it, and raises DeviceError with the index of the instruction that waits. Every run starts from memories that are
    zero.

    What does not depend on data is worked out in a program's first run and kept as long as the program lives. Programs
    that are run in turn and have the same array of constants share their weights.

    Parameters
    ----------
    config : AcceleratorConfig
        The accelerator.

    Attributes
    ----------
    memory : ndarray of uint8
        External memory as the last run has left it.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        self.memory: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._plans: WeakKeyDictionary[Program, Plan] = WeakKeyDictionary()
        self._constants_key: tuple[int, NDArray[np.uint8]] | None = None
        self._weights: WeightCache = {}

    def run(
        self,
        program: Program,
        inputs: dict[str, NDArray[np.generic]],
        state: Mapping[str, NDArray[np.generic]] | None = None,
    ) -> Result:
        """Write ``inputs`` and ``state`` to their regions, run to HALT, read outputs and state.

        Raises
        ------
        ValueError
            If the program was made for another configuration, or an input is unknown, missing or of another dtype or
            shape.
        DeviceError
            With the code, instruction index and address that the driver reports of the hardware.
        """
        if program.config != self.config:
            raise ValueError(f"the program must be made for {self.config}, not {program.config}")
        self.memory = program.memory_image(inputs, state)
        plan = self._plan(program)
        memories = State(self.config, self.memory)
        for step in plan.steps:
            step.run(memories)
        if plan.stop:
            raise _error(plan.stop)
        return Result(outputs=program.read_outputs(self.memory), state=program.read_state(self.memory))

    def _plan(self, program: Program) -> Plan:
        if program not in self._plans:
            self._plans[program] = make_plan(program, self._weight_cache(program))
        return self._plans[program]

    def _weight_cache(self, program: Program) -> WeightCache:
        """Return the cache of the program's constants: that of the last program if it has the same array."""
        addr, constants = program.constants_addr, program.constants
        if self._constants_key is None or self._constants_key[0] != addr or self._constants_key[1] is not constants:
            self._constants_key, self._weights = (addr, constants), {}
        return self._weights


def _error(stop: Stop) -> DeviceError:
    message = f"instruction {stop.index}: {stop.code.name}"
    if stop.addr:
        message += f" at address {stop.addr:#x}"
    if stop.reason:
        message += f": {stop.reason}"
    return DeviceError(message, code=int(stop.code), index=stop.index, addr=stop.addr)
