"""Timing of the bits of a serial line."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BitTimer"]

_FEWEST_CLOCKS = 4
"""Clocks of the shortest bit: with less the middle of a bit is lost between clock edges."""

_LEAST_STEP = 128
"""An accumulator that adds a whole number of at least this misses the rate by 1/256 at most."""


class BitTimer(wiring.Component):
    """A timer that ticks once a bit, on average to 0.4 %, each tick within a clock of its place.

    An accumulator overflows once a bit, so that the bit need not be a whole number of clocks.

    Parameters
    ----------
    clock_hz : float
        Frequency of the clock.
    baud : float
        Bits in a second.

    Members
    -------
    half : In(1)
        Begin anew: the first tick comes in the middle of a bit that began up to a clock ago, the next ones a bit apart.
    whole : In(1)
        Begin anew: the first tick comes after a bit.
    tick : Out(1)

    Raises
    ------
    ValueError
        If a bit is shorter than four clocks.
    """

    half: Any
    whole: Any
    tick: Any

    def __init__(self, clock_hz: float, baud: float) -> None:
        if not 0 < _FEWEST_CLOCKS * baud <= clock_hz:
            raise ValueError(
                f"baud must be positive and at most a {_FEWEST_CLOCKS}th of the clock of {clock_hz!r} Hz, not {baud!r}"
            )
        self._bits = 1
        while round(baud / clock_hz * 2**self._bits) < _LEAST_STEP:
            self._bits += 1
        self._step = round(baud / clock_hz * 2**self._bits)
        super().__init__({"half": In(1), "whole": In(1), "tick": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        phase = Signal(self._bits, reset_less=True)
        following = Signal(self._bits + 1)
        m.d.comb += [following.eq(phase + self._step), self.tick.eq(following[-1])]
        m.d.sync += phase.eq(following)
        # Half a clock for the edge that was seen late, half a clock for the tick that is rounded up.
        with m.If(self.half):
            m.d.sync += phase.eq(2 ** (self._bits - 1) + self._step)
        with m.If(self.whole):
            m.d.sync += phase.eq(0)
        return m
