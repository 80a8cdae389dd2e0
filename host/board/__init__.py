"""A board with an FPGA as a device."""

from host.board.device import BoardDevice
from host.board.flash_image import FlashImage

__all__ = ["BoardDevice", "FlashImage"]
