"""Where a program stands on a board whose memory is a flash and a RAM."""

from dataclasses import dataclass

__all__ = ["ICEBREAKER_MAP", "MemoryMap"]


@dataclass(frozen=True, kw_only=True)
class MemoryMap:
    """Addresses on the accelerator's bus.

    Parameters
    ----------
    data_addr : int
        First byte of the flash that holds instructions and constants; the FPGA's configuration stands before.
    flash_bytes : int
        Size of the flash, which begins at address 0.
    ram_bytes : int
        Size of the RAM for inputs and outputs, which stands right behind.
    """

    data_addr: int
    flash_bytes: int
    ram_bytes: int

    @property
    def ram_addr(self) -> int:
        """First byte of the RAM."""
        return self.flash_bytes


ICEBREAKER_MAP = MemoryMap(data_addr=1 << 20, flash_bytes=1 << 24, ram_bytes=1 << 15)
"""Of `hw.flash.memory.FlashMemory` on an iCEBreaker, whose configuration of 104,090 bytes is far below 1 MiB."""
