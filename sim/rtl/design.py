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
        All that the RTL depends on besides the code in ``hw`` and that beside the harness.
    emit : callable
        Returns the RTL as RTLIL; its top module is ``systolm``.
    harness : Path
        C++ source that includes ``design.h`` and exports the library's functions.
    defines : tuple of str
        Macros of the harness.
    debug : bool
        With what waveforms need; simulates more slowly.
    """

    key: str
    emit: Callable[[], str]
    harness: Path
    defines: tuple[str, ...] = ()
    debug: bool = False
