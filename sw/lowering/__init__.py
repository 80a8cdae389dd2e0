"""From models to programs: instructions, constants and memory map for one accelerator."""

from sw.lowering.compile import NetworkLowering, lower_network
from sw.lowering.matmul import MatmulLowering, lower_matmul

__all__ = ["MatmulLowering", "NetworkLowering", "lower_matmul", "lower_network"]
