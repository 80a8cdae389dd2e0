"""A complete board in simulation, behind its serial port."""

from sim.board.port import SMALL_FLASH, SMALL_SDRAM, SimulatedPort

__all__ = ["SMALL_FLASH", "SMALL_SDRAM", "SimulatedPort"]
