"""Rules of an SDRAM that its model checks."""

from enum import StrEnum

__all__ = ["SdramRule"]


class SdramRule(StrEnum):
    """Names of the members of `SdramModel.violations`."""

    T_RCD = "t_rcd"
    """ACTIVATE to column command."""
    T_RP = "t_rp"
    """PRECHARGE to ACTIVATE of the bank, or to REFRESH or MODE."""
    T_RAS = "t_ras"
    """ACTIVATE to PRECHARGE."""
    T_RC = "t_rc"
    """ACTIVATE to ACTIVATE of the bank."""
    T_RRD = "t_rrd"
    """ACTIVATE to ACTIVATE of another bank."""
    T_WR = "t_wr"
    """Last write data to PRECHARGE."""
    T_RFC = "t_rfc"
    """REFRESH to any command."""
    T_MRD = "t_mrd"
    """MODE to any command."""
    REFRESH_OWED = "refresh_owed"
    """One more refresh became due while 8 were owed."""
    POWER_UP = "power_up"
    """A command before the wait is over, or out of the order PRECHARGE of all banks, refreshes, MODE, anything."""
    CAS_LATENCY = "cas_latency"
    """MODE with another CAS latency than the chip's."""
    UNSUPPORTED = "unsupported"
    """MODE with other than sequential bursts of length 1, auto-precharge, or STOP."""
    CLOSED_BANK = "closed_bank"
    """Column command to a bank without an open row."""
    OPEN_BANK = "open_bank"
    """ACTIVATE of a bank that has an open row."""
    ROWS_OPEN = "rows_open"
    """REFRESH or MODE while a row is open."""
    CONTENTION = "contention"
    """Controller and chip drive the data wires at once."""
    UNDRIVEN = "undriven"
    """WRITE while the controller does not drive the data wires."""
