"""Allocation of loaded constants in a memory that is used round and round."""

from collections import deque
from dataclasses import dataclass

__all__ = ["Ring"]


@dataclass(frozen=True)
class _Block:
    start: int
    size: int
    last_use: int


class Ring:
    """Blocks of one memory region in first-in, first-out order.

    Parameters
    ----------
    start, size : int
        First word and words of the region.
    """

    def __init__(self, start: int, size: int) -> None:
        self._start, self._stop = start, start + size
        self._free = start
        self._blocks: deque[_Block] = deque()

    def take(self, size: int, *, now: int, last_use: int) -> int | None:
        """Reserve words from instruction ``now`` until ``last_use`` has been emitted.

        Returns
        -------
        int or None
            First word; None if there is no room yet.
        """
        while self._blocks and self._blocks[0].last_use < now:
            self._blocks.popleft()
        start = self._place(size)
        if start is not None:
            self._blocks.append(_Block(start, size, last_use))
            self._free = start + size
        return start

    def _place(self, size: int) -> int | None:
        """Behind the newest block, or at the region's start; what was used longest ago is used again first."""
        oldest = self._blocks[0].start if self._blocks else self._stop
        wrapped = bool(self._blocks) and self._blocks[-1].start < oldest
        if self._free + size <= (oldest if wrapped else self._stop):
            return self._free
        if not wrapped and self._start + size <= oldest:
            return self._start
        return None
