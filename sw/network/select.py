"""The one row that goes on."""

from collections.abc import Iterator
from dataclasses import dataclass

from sw.network.arrays import Flow, Observer, Widths

__all__ = ["Select"]


@dataclass(frozen=True, kw_only=True)
class Select:
    """One row goes on; what comes before need not make the others."""

    name: str
    row: int

    def shapes(self, before: Widths) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield nothing: there are no tensors."""
        del before
        if self.row:
            raise ValueError(f"{self.name}.row must be 0, the one that the shortest text has, not {self.row}")
        yield from ()

    def widths(self, before: Widths) -> Widths:
        """Return the columns of rows and codes."""
        return before

    def macs(self, before: Widths, rows: int, kept: int) -> int:
        """Return none."""
        del before, rows, kept
        return 0

    def run(self, flow: Flow, kept: range, see: Observer) -> Flow:
        """Hand on the row, the only one that was needed."""
        del kept, see
        return flow
