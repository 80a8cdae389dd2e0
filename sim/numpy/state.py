"""Memories of the modelled accelerator."""

import numpy as np
from numpy.typing import NDArray

from sim.numpy.banks import Banks
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES

__all__ = ["State"]


class State:
    """All memories, zero as after a soft reset.

    Parameters
    ----------
    config : AcceleratorConfig
        Sizes.
    memory : ndarray of uint8
        External memory.

    Attributes
    ----------
    scratchpad : uint8, [scratchpad_words * rows]
    vector : int16, [vector_words * lanes]
    bias, mul, mul2 : float64, [param_words, lanes]
        Parameter records; float64 holds them and all products of the post-processor exactly.
    tables : uint8, [tables, 2048]
    stats_a, stats_b, scalar_mul, scalar_total, scalar_mean : int64, [acc_depth]
    banks : Banks
        Accumulators.
    """

    def __init__(self, config: AcceleratorConfig, memory: NDArray[np.uint8]) -> None:
        self.memory = memory
        self.scratchpad = np.zeros(config.scratchpad_words * config.rows, np.uint8)
        self.vector = np.zeros(config.vector_words * config.lanes, np.int16)
        self.bias, self.mul, self.mul2 = np.zeros((3, config.param_words, config.lanes))
        self.tables = np.zeros((config.tables, TABLE_ENTRIES), np.uint8)
        self.stats_a, self.stats_b = np.zeros((2, config.acc_depth), np.int64)
        self.scalar_mul, self.scalar_total, self.scalar_mean = np.zeros((3, config.acc_depth), np.int64)
        self.banks = Banks(config)
