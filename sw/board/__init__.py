"""A board with an FPGA as a device."""

from sw.board.device import BoardDevice
from sw.board.flash_image import FlashImage

__all__ = ["BoardDevice", "FlashImage"]
