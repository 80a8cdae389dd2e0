"""Geometry and timings of an SDRAM chip."""

import math
from dataclasses import dataclass

from spec.sdram_timing import SdramTiming

__all__ = ["ULX3S_SDRAM", "SdramChip"]

_MAX_ROWS = 1 << 13  # a[0:13]
_MAX_COLUMNS = 1 << 10  # a[10] selects auto-precharge
_MAX_BANKS = 1 << 2  # ba[0:2]
_ROUNDING = 1e-6  # keeps binary fractions from costing a cycle


@dataclass(frozen=True, kw_only=True)
class SdramChip:
    """A chip with 16 data bits. The defaults are the values that `ULX3S_SDRAM` explains.

    Parameters
    ----------
    banks, rows, columns : int
        Geometry; powers of two.
    cas_latency : int
        Cycles from READ to its data; 2 or 3.
    max_clock_hz : float
        Fastest clock at this CAS latency.
    rcd_ns, rp_ns, ras_ns, rc_ns, rrd_ns, wr_ns, rfc_ns : float
        Least distances in nanoseconds: ACTIVATE to column command, PRECHARGE to ACTIVATE, ACTIVATE to PRECHARGE,
        ACTIVATE to ACTIVATE in one bank and in different ones, last write data to PRECHARGE, REFRESH to any command.
    rrd_cycles, wr_cycles : int
        Lower bounds in cycles for two of them.
    mrd_cycles : int
        Cycles from loading the mode register to any command.
    retention_ns : float
        Time in which every row must be refreshed once.
    power_up_ns : float
        Time from stable power and clock to the first command.
    initial_refreshes : int
        Refreshes before the mode register is loaded.

    Raises
    ------
    ValueError
        A geometry, latency or time that no such chip has.
    """

    banks: int = 4
    rows: int = 8192
    columns: int = 512
    cas_latency: int = 3
    max_clock_hz: float = 143e6
    rcd_ns: float = 15
    rp_ns: float = 15
    ras_ns: float = 42
    rc_ns: float = 60
    rrd_ns: float = 14
    wr_ns: float = 14
    rfc_ns: float = 72
    rrd_cycles: int = 2
    wr_cycles: int = 2
    mrd_cycles: int = 2
    retention_ns: float = 64e6
    power_up_ns: float = 200e3
    initial_refreshes: int = 8

    def __post_init__(self) -> None:
        for name, most in (("banks", _MAX_BANKS), ("rows", _MAX_ROWS), ("columns", _MAX_COLUMNS)):
            value = getattr(self, name)
            if not 2 <= value <= most or value & (value - 1):
                raise ValueError(f"{name} must be a power of two from 2 to {most}, not {value!r}")
        if self.cas_latency not in (2, 3):
            raise ValueError(f"cas_latency must be 2 or 3, not {self.cas_latency!r}")
        for name in ("rcd", "rp", "ras", "rc", "rrd", "wr", "rfc", "retention", "power_up"):
            if not getattr(self, f"{name}_ns") > 0:
                raise ValueError(f"{name}_ns must be positive, not {getattr(self, f'{name}_ns')!r}")
        for name in ("rrd_cycles", "wr_cycles", "mrd_cycles", "initial_refreshes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        if not self.max_clock_hz > 0:
            raise ValueError(f"max_clock_hz must be positive, not {self.max_clock_hz!r}")

    @property
    def words(self) -> int:
        """Words of 16 bits."""
        return self.banks * self.rows * self.columns

    @property
    def refi_ns(self) -> float:
        """Mean time from one refresh to the next."""
        return self.retention_ns / self.rows

    def cycles(self, ns: float, clock_hz: float) -> int:
        """Return the least number of cycles that last at least `ns` nanoseconds; at least 1.

        Raises
        ------
        ValueError
            The clock is not positive or faster than the chip allows.
        """
        if not 0 < clock_hz <= self.max_clock_hz:
            raise ValueError(f"clock_hz must be positive and at most {self.max_clock_hz:.0f}, not {clock_hz!r}")
        return max(1, math.ceil(ns * clock_hz / 1e9 - _ROUNDING))

    def timing(self, clock_hz: float) -> SdramTiming:
        """Return all timings in cycles of a clock.

        Raises
        ------
        ValueError
            The clock is not positive, faster than the chip allows, or too slow to refresh in time.
        """
        timing = SdramTiming(
            rcd=self.cycles(self.rcd_ns, clock_hz),
            rp=self.cycles(self.rp_ns, clock_hz),
            ras=self.cycles(self.ras_ns, clock_hz),
            rc=self.cycles(self.rc_ns, clock_hz),
            rrd=max(self.rrd_cycles, self.cycles(self.rrd_ns, clock_hz)),
            wr=max(self.wr_cycles, self.cycles(self.wr_ns, clock_hz)),
            rfc=self.cycles(self.rfc_ns, clock_hz),
            mrd=self.mrd_cycles,
            refi=math.floor(self.refi_ns * clock_hz / 1e9 + _ROUNDING),
            power_up=self.cycles(self.power_up_ns, clock_hz),
        )
        busy = timing.ras + timing.rp + timing.rfc
        if timing.refi <= busy:
            raise ValueError(f"a refresh is due every {timing.refi} cycles, which must exceed the {busy} that it takes")
        return timing


ULX3S_SDRAM = SdramChip()
"""The 32 MB chip of the ULX3S, which is assembled with either of two makes.

The values have not been compared with the data sheets: they are as other projects' controllers give them, where those
agree, and usual for chips of this class elsewhere (tRRD, tDPL, initial refreshes, clock limits). Compare them before
use on a board.

Each is the slower of ISSI IS42S16160G-7 (tRCD, tRP 15 ns, tRAS 37 ns, tRC 60 ns, tRRD, tDPL 14 ns, tXSR 70 ns, 143 MHz
at CAS latency 3, 8192 refreshes in 64 ms) and Winbond W9825G6KH-6 (tRCD, tRP 15 ns, tRAS 42 ns, tRC 60 ns, tRRD, tWR,
tRSC 2 cycles, tXSR 72 ns, 200 us and 8 refreshes after power-up). Both give tRC for a refresh; the time that leaving
self-refresh takes, which is longer, stands for it here and costs a cycle per refresh at 80 MHz.
"""
