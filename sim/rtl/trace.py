"""Which cycles of a simulation to record."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Trace"]


@dataclass(frozen=True)
class Trace:
    """A window of cycles for a waveform file (VCD) of the chip's ports and the signals of its blocks.

    Every run writes the file anew. Cycles count from just before START is written; each lasts two steps of time.

    Parameters
    ----------
    path : Path
        The file.
    start, stop : int
        First cycle, and first cycle that is not recorded.

    Raises
    ------
    ValueError
        If the window is empty or begins before cycle 0.
    """

    path: Path
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"trace must be of cycles 0 <= start < stop, not {self.start!r} and {self.stop!r}")
