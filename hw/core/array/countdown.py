"""A count of what is left, which knows beforehand when it ends."""

from typing import Any

from amaranth.hdl import Signal, ValueLike

__all__ = ["Countdown"]


class Countdown:
    """A counter that goes down in steps. Whether the present step is the last is a register, ready early in its cycle.

    Parameters
    ----------
    shape : Shape
        Of the number.
    step : int
        What each step takes away.
    name : str
        Of the registers.

    Attributes
    ----------
    left : Signal(shape)
        What is left, the present step included.
    last : Signal
        The present step takes it all.
    """

    def __init__(self, shape: Any, *, step: int = 1, name: str) -> None:
        self._step = step
        self.left = Signal(shape, name=f"{name}_left", reset_less=True)
        self.last = Signal(name=f"{name}_last", reset_less=True)

    def load(self, number: ValueLike) -> list[Any]:
        """Return the assignments that begin with ``number`` in the next cycle."""
        return [self.left.eq(number), self.last.eq(number <= self._step)]

    def advance(self) -> list[Any]:
        """Return the assignments that take a step; not after the last."""
        return [self.left.eq(self.left - self._step), self.last.eq(self.left <= 2 * self._step)]
