"""A board with an FPGA as a device."""

from sw.board.device import BoardDevice

__all__ = ["BoardDevice"]
