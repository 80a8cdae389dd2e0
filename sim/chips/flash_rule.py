"""Rules of a flash that its model checks."""

from enum import StrEnum

__all__ = ["FlashRule"]


class FlashRule(StrEnum):
    """Names of the members of `FlashModel.violations`."""

    COMMAND = "command"
    """A command that the model does not know."""
    CUT_SHORT = "cut_short"
    """Deselection within a command, an address, a mode, or the dummy clocks of a read that is to be continued."""
    DESELECT = "deselect"
    """Selected again too early."""
    POWERED_DOWN = "powered_down"
    """Another command than the release while powered down."""
    RELEASE = "release"
    """Selected before the time of the release from power-down was over."""
    QUAD_DISABLED = "quad_disabled"
    """A read on four wires while these are not enabled."""
    WRITE_DISABLED = "write_disabled"
    """The status register written without the command before that enables it."""
    STATUS = "status"
    """The status register written with another value than `QUAD_ENABLE`."""
    MODE = "mode"
    """A mode that neither continues reading nor consists of ones."""
    HOLD = "hold"
    """The wires that hold and protect the chip low, while only two wires carry data."""
    SETUP = "setup"
    """At half the rate: selection or wires that change together with the clock's rise."""
    UNDRIVEN = "undriven"
    """A clock that samples the wires while the controller does not drive them."""
    CONTENTION = "contention"
    """The controller drives while the chip does, or in the clock before."""
    BEYOND = "beyond"
    """An address beyond the chip, which takes it modulo its size."""
