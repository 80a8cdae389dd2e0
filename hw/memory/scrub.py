"""How a memory takes part in the scrub after a soft reset."""

from typing import Any

__all__ = ["scrubs"]


def scrubs(scrub: Any, depth: int) -> Any:
    """Return whether a memory of ``depth`` words is to write zero to the word at the low bits of ``scrub.addr`` now.

    Memories whose depth is a power of two may wrap around; the others must not see addresses beyond their end.

    Parameters
    ----------
    scrub : interface with :class:`hw.layouts.Scrub`
        The walk over the largest memory.
    depth : int
        Words of this memory.
    """
    return scrub.en if depth & (depth - 1) == 0 else scrub.en & (scrub.addr < depth)
