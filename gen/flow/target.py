"""A platform without a board."""

from dataclasses import dataclass

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """An FPGA in ``elaborate(platform)`` where there is no board: components use the primitives of its family.

    Parameters
    ----------
    family : str
        ``"ecp5"`` or ``"ice40"``; Amaranth's own platforms have a family of that name, too.
    """

    family: str
