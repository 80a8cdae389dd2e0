"""What a simulator is built from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sim.rtl.harness import Harness

__all__ = ["Design"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """RTL with the C++ that drives it.

    Parameters
    ----------
    key : str
        All that the RTL depends on besides code.
    emit : callable
        Returns the RTL as RTLIL; its top module is ``systolm``.
    harness : Harness
        Drives it.
    code : tuple of Path
        Folders of code that the RTL depends on, besides ``spec``, ``hw`` and what emits it.
    defines : tuple of str
        Macros of the harness.
    debug : bool
        With what waveforms need; simulates more slowly.
    """

    key: str
    emit: Callable[[], str]
    harness: Harness
    code: tuple[Path, ...] = ()
    defines: tuple[str, ...] = ()
    debug: bool = False
