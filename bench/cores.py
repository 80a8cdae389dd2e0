"""How many processor cores a measurement may use."""

import os

__all__ = ["CORES"]

CORES = len(os.sched_getaffinity(0))
"""Those that this process may run on."""
