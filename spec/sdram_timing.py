"""Timings of an SDRAM in clock cycles."""

from dataclasses import dataclass

__all__ = ["SdramTiming"]


@dataclass(frozen=True, kw_only=True)
class SdramTiming:
    """Least distances between commands in clock cycles, by the names of the data sheets.

    Parameters
    ----------
    rcd, rp, ras, rc, rrd, wr, rfc, mrd : int
        tRCD and so on; each at least 1.
    refi : int
        Cycles in which one refresh becomes due, rounded down.
    power_up : int
        Cycles without a command after power-up.
    """

    rcd: int
    rp: int
    ras: int
    rc: int
    rrd: int
    wr: int
    rfc: int
    mrd: int
    refi: int
    power_up: int
