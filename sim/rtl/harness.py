"""The C++ that drives a simulated design."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Harness"]


@dataclass(frozen=True, kw_only=True)
class Harness:
    """C++ behind which a design becomes a library, with the headers that Python writes for it.

    Parameters
    ----------
    source : Path
        Exports the library's functions. It may include ``design.h``, the headers in ``sim/rtl/cpp``, those beside it,
        and those that are written for it.
    headers : dict of str to str
        Texts of the latter, by the names of their files.
    """

    source: Path
    headers: Mapping[str, str] = field(default_factory=dict)
