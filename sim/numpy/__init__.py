"""The integer model: a NumPy device that executes programs one instruction after the other."""

from sim.numpy.device import ModelDevice

__all__ = ["ModelDevice"]
