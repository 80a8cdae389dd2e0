"""What a simulator is built from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Design"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """RTL with the C++ that drives it.

    Parameters
    ----------
    key : str
        All that the RTL depends on besides code.
    code : Path
        Folder of code that the RTL depends on, besides ``hw`` and ``gen``.
    emit : callable
        Returns the RTL as RTLIL; its top module is ``systolm``.
    harness : Path
        C++ source that includes ``design.h`` and exports the library's functions; headers may stand beside it.
    defines : tuple of str
        Macros of the harness.
    debug : bool
        With what waveforms need; simulates more slowly.
    """

    key: str
    code: Path
    emit: Callable[[], str]
    harness: Path
    defines: tuple[str, ...] = ()
    debug: bool = False
