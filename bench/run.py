"""Programs on the RTL, with a stated memory behind the bus."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.measurement import Measurement
from sim.memory import MemoryModel
from sim.rtl import RtlDevice
from spec.config import AcceleratorConfig
from spec.program import Program

__all__ = ["FAST_MEMORY", "SLOW_MEMORY", "Inputs", "run"]

Inputs = dict[str, NDArray[np.generic]]

FAST_MEMORY = 16
"""Bytes a cycle of every figure that does not say otherwise; latency is 40 cycles."""

SLOW_MEMORY = 2
"""Bytes a cycle of a 16-bit SDRAM."""


def run(
    program: Program,
    inputs: Inputs,
    *,
    bytes_per_cycle: float = FAST_MEMORY,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Measurement, dict[str, NDArray[np.generic]]]:
    """Run a program and return its counters and outputs; several threads may do so at the same time.

    Parameters
    ----------
    program : Program
    inputs : dict of str to ndarray
    bytes_per_cycle : float
        Bandwidth of the memory in each direction.
    progress : callable, optional
        Called now and then with the cycles simulated and the instructions dispatched so far.
    """
    result = _device(program.config, bytes_per_cycle).run(program, inputs, progress=progress)
    return Measurement(config=program.config, macs=program.macs, counters=result.counters), result.outputs


@cache
def _device(config: AcceleratorConfig, bytes_per_cycle: float) -> RtlDevice:
    return RtlDevice(config, memory=MemoryModel(bytes_per_cycle=bytes_per_cycle))
