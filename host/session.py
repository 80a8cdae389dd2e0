"""Programs that are run again and again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.device import Device, Result
from spec.program import Program

__all__ = ["Session"]


class Session:
    """A program on a device: what a run leaves in the program's state, the next one finds.

    Parameters
    ----------
    device : Device
    program : Program

    Raises
    ------
    ValueError
        If the program was made for another configuration.
    """

    def __init__(self, device: Device, program: Program) -> None:
        if program.config != device.config:
            raise ValueError(f"the program must be made for {device.config}, not {program.config}")
        self.program = program
        self._device = device
        self._state: Mapping[str, NDArray[Any]] = {}

    def run(self, inputs: Mapping[str, NDArray[np.generic]], **variables: int) -> Result:
        """Run once.

        Parameters
        ----------
        inputs : mapping of str to ndarray
            A value for each of the program's inputs.
        **variables : int
            A value for each of its variables.

        Raises
        ------
        ValueError
            If an input has another dtype or shape, or a variable is out of its range.
        DeviceError
            If the device reports an error; the state is then what it was before the run.
        """
        result = self._device.run(self.program.with_variables(**variables), dict(inputs), self._state)
        self._state = result.state
        return result
