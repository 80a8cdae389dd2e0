"""A complete board in simulation, behind its serial port."""

from sim.board.port import SimulatedPort

__all__ = ["SimulatedPort"]
