"""The memory of a board, and what the host knows to be in it."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from host.link.client import LinkClient
from spec.device import DeviceError
from spec.link import LARGEST_PAYLOAD

__all__ = ["BoardMemory"]

_BLOCK = LARGEST_PAYLOAD
"""Bytes that are known or not known as a whole."""

_BLOCKS_PER_WRITE = 64
"""Between two reports of progress: long enough to fill the line."""


class BoardMemory:
    """A memory of a board to which only what is not there yet is written.

    Parameters
    ----------
    client : LinkClient
    bus_bytes : int
        Width of the memory bus in bytes.
    progress : callable, optional
        Called while bytes are written, with how many have been and how many it will be.
    """

    def __init__(self, client: LinkClient, bus_bytes: int, progress: Callable[[int, int], None] | None = None) -> None:
        self._client, self._bus_bytes = client, bus_bytes
        self._progress = progress or (lambda _done, _total: None)
        self._blocks = np.zeros((0, _BLOCK), np.uint8)
        self._known = np.zeros(0, bool)

    def forget(self) -> None:
        """Know of nothing any more."""
        self._known[:] = False

    def forget_parts(self, parts: Iterable[range]) -> None:
        """Take bytes as unknown."""
        for part in parts:
            self._known[_blocks_of(part)] = False

    def write(self, image: NDArray[np.uint8], parts: Iterable[range]) -> None:
        """Let memory hold the bytes of ``image`` at the addresses of ``parts``.

        What stands around them, up to blocks of 256 bytes, becomes that of ``image`` too.

        Raises
        ------
        ConnectionError
            If the FPGA does not answer or the port is gone.
        DeviceError
            If the board has not as much memory.
        """
        wanted = np.pad(image, (0, -len(image) % _BLOCK)).reshape(-1, _BLOCK)
        self._grow(len(wanted))
        needed = np.zeros(len(wanted), bool)
        for part in parts:
            needed[_blocks_of(part)] = True
        places = np.flatnonzero(needed)
        missing = places[~self._known[places] | (self._blocks[places] != wanted[places]).any(axis=1)]
        done, total = 0, missing.size * _BLOCK
        for start, stop in _runs(missing):
            self._known[start:stop] = False
            try:
                self._client.write_memory(start * _BLOCK, wanted[start:stop].tobytes())
            except DeviceError as error:
                raise DeviceError(
                    f"the program needs {len(image)} bytes of memory, but none can be written at {error.addr:#x}",
                    addr=error.addr,
                ) from None
            self._blocks[start:stop] = wanted[start:stop]
            self._known[start:stop] = True
            done += (stop - start) * _BLOCK
            self._progress(done, total)

    def read(self, part: range) -> NDArray[np.uint8]:
        """Return the bytes at the addresses of ``part``, of which the first is a multiple of the bus width.

        Raises
        ------
        ConnectionError
            If the FPGA does not answer or the port is gone.
        DeviceError
            If the board has not as much memory.
        """
        whole = len(part) + -len(part) % self._bus_bytes
        return np.frombuffer(self._client.read_memory(part.start, whole), np.uint8)[: len(part)]

    def _grow(self, blocks: int) -> None:
        """Have room for so many blocks."""
        more = blocks - len(self._blocks)
        if more > 0:
            self._blocks = np.pad(self._blocks, ((0, more), (0, 0)))
            self._known = np.pad(self._known, (0, more))


def _blocks_of(part: range) -> slice:
    """Return the blocks that have a byte of ``part``."""
    return slice(part.start // _BLOCK, -(-part.stop // _BLOCK)) if part else slice(0)


def _runs(places: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of neighbours among ascending ``places``, in pieces that are written at once."""
    for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
        for first in range(0, len(run), _BLOCKS_PER_WRITE):
            piece = run[first : first + _BLOCKS_PER_WRITE]
            yield int(piece[0]), int(piece[-1]) + 1
