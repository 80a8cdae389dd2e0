"""Size and times of a flash."""

import math
from dataclasses import dataclass

__all__ = ["ICEBREAKER_FLASH", "FlashChip"]

_SIZES = (256, 1 << 24)  # three bytes of address
_ROUNDING = 1e-6  # keeps binary fractions from costing a cycle


@dataclass(frozen=True, kw_only=True)
class FlashChip:
    """A chip with four data wires. The defaults are the values that `ICEBREAKER_FLASH` explains.

    Parameters
    ----------
    size : int
        Bytes; a power of two.
    max_clock_hz : float
        Fastest clock of the chip.
    deselect_read_ns, deselect_other_ns : float
        Least times without selection after a read and after another command.
    release_ns : float
        Time from the release from power-down to the next selection.
    quad_enabled : bool
        The bit that enables the third and the fourth data wire is set from power-up on.

    Raises
    ------
    ValueError
        A size, clock or time that no such chip has.
    """

    size: int = 1 << 24
    max_clock_hz: float = 133e6
    deselect_read_ns: float = 10
    deselect_other_ns: float = 50
    release_ns: float = 3000
    quad_enabled: bool = False

    def __post_init__(self) -> None:
        least, most = _SIZES
        if not least <= self.size <= most or self.size & (self.size - 1):
            raise ValueError(f"size must be a power of two from {least} to {most}, not {self.size!r}")
        for name in ("max_clock_hz", "deselect_read_ns", "deselect_other_ns", "release_ns"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")

    @staticmethod
    def cycles(ns: float, clock_hz: float) -> int:
        """Return the least number of cycles that last at least `ns` nanoseconds; at least 1.

        Raises
        ------
        ValueError
            The clock is not positive.
        """
        if not clock_hz > 0:
            raise ValueError(f"clock_hz must be positive, not {clock_hz!r}")
        return max(1, math.ceil(ns * clock_hz / 1e9 - _ROUNDING))


ICEBREAKER_FLASH = FlashChip()
"""The 16 MB chip of the iCEBreaker, a Winbond W25Q128JV.

From its data sheet: 133 MHz; tSHSL1 10 ns, tSHSL2 50 ns; tRES1 3 us. The QE bit is 0 when the chip is delivered with
ordering options IM and JM, and fixed to 1 with IQ, IN and JQ; it may be written until power goes, by 50h and 31h. A
quad read (EBh) has three bytes of address, one of mode and four clocks more before its data; it needs no command after
a mode whose bits 5 and 4 are 1 and 0.

The values have not been compared with the data sheet: they are as code and notes of other projects give them that name
its revisions H and M. Compare them before use on a board.
"""
