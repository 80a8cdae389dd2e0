"""A complete board in simulation, behind its serial port."""

from sim.board.port import SMALL_SDRAM, SimulatedPort

__all__ = ["SMALL_SDRAM", "SimulatedPort"]
