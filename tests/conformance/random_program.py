"""A valid program from a seed."""

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.program import Program
from tests.conformance.generator import Generator

__all__ = ["random_program"]


def random_program(
    config: AcceleratorConfig, seed: int, *, steps: int = 8, vector: bool = True
) -> tuple[Program, dict[str, NDArray[np.generic]]]:
    """Return a program whose outputs are all that its ``steps`` have left in memories, and its inputs.

    Parameters
    ----------
    config : AcceleratorConfig
        Any configuration.
    seed : int
        Same seed and configuration, same program.
    steps : int
        Batches of matrix products, sweeps or loads.
    vector : bool
        With the vector memory, which takes the most cycles to bring out.
    """
    generator = Generator(config, np.random.default_rng(seed))
    generator.fill_memories()
    for _ in range(steps):
        generator.step()
    generator.finish(vector)
    return generator.program()
