"""How a memory takes part in the scrub after a soft reset."""

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Module, Signal

__all__ = ["pass_scrub", "scrubs"]


def pass_scrub(m: Module, scrub: Any, memories: Iterable[Any]) -> None:
    """Hand the scrub to memories a cycle later, out of registers near them that no reset holds back.

    Parameters
    ----------
    m : Module
        Gets the registers.
    scrub : interface with :class:`hw.layouts.Scrub`
        The walk over the largest memory.
    memories : iterable of components with a member ``scrub``
    """
    scrub_en, scrub_addr = Signal(reset_less=True), Signal.like(scrub.addr, reset_less=True)
    m.d.sync += [scrub_en.eq(scrub.en), scrub_addr.eq(scrub.addr)]
    for memory in memories:
        m.d.comb += [memory.scrub.en.eq(scrub_en), memory.scrub.addr.eq(scrub_addr)]


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
