"""The token counters through which engines wait for one another."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.isa import Engine

__all__ = ["Tokens"]

_TOKEN_BITS = 8


class Tokens(wiring.Component):
    """One counter for each ordered pair of engines.

    A program keeps every counter below 256: they wrap, and neither ``give`` nor dispatch ever waits.

    Latency: a token can be taken in the cycle after it was given.

    Members
    -------
    give : In(3).array(3)
        Pulses: engine ``e`` gives a token to each engine in ``give[e]``.
    take : In(3).array(3)
        Pulses: engine ``e`` takes a token from each engine in ``take[e]``; only where ``available[e]``.
    available : Out(3).array(3)
        Engines from which engine ``e`` has a token.
    """

    give: Any
    take: Any
    available: Any

    def __init__(self) -> None:
        engines = len(Engine)
        super().__init__(
            {
                "give": In(engines).array(engines),
                "take": In(engines).array(engines),
                "available": Out(engines).array(engines),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        for giver in Engine:
            for taker in Engine:
                if giver == taker:
                    continue
                count = Signal(_TOKEN_BITS, name=f"{giver.name.lower()}_to_{taker.name.lower()}")
                given, taken = self.give[giver][taker], self.take[taker][giver]
                m.d.sync += [
                    count.eq(count + given - taken),
                    self.available[taker][giver].eq(given | (count > 1) | ((count == 1) & ~taken)),
                ]
        return m
