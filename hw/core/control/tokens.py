"""The token counters through which engines wait for one another."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spec.isa import MOST_TOKENS, Engine

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """One counter for each ordered pair of engines.

    A counter holds :data:`spec.isa.MOST_TOKENS`. So that a giver never has to wait when it is done, its tokens are
    promised when it starts, and it starts only where there is room.

    Latency: a token can be taken in the cycle after it was given; ``available`` and ``room`` follow in the next cycle.

    Members
    -------
    promise : In(3).array(3)
        Pulses: engine ``e`` will give a token to each engine in ``promise[e]``; only where ``room[e]``.
    give : In(3).array(3)
        Pulses: engine ``e`` gives a token that it has promised to each engine in ``give[e]``.
    take : In(3).array(3)
        Pulses: engine ``e`` takes a token from each engine in ``take[e]``; only where ``available[e]``.
    available : Out(3).array(3)
        Engines from which engine ``e`` has a token.
    room : Out(3, init=7).array(3)
        Engines to which engine ``e`` may promise one.
    """

    promise: Any
    give: Any
    take: Any
    available: Any
    room: Any

    def __init__(self) -> None:
        engines = len(Engine)
        super().__init__(
            {
                "promise": In(engines).array(engines),
                "give": In(engines).array(engines),
                "take": In(engines).array(engines),
                "available": Out(engines).array(engines),
                "room": Out(engines, init=(1 << engines) - 1).array(engines),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        for giver in Engine:
            for taker in Engine:
                if giver == taker:
                    continue
                pair = f"{giver.name.lower()}_to_{taker.name.lower()}"
                count = Signal(range(MOST_TOKENS + 1), name=pair)
                owed = Signal(range(MOST_TOKENS + 1), name=f"{pair}_owed")
                promised, given, taken = self.promise[giver][taker], self.give[giver][taker], self.take[taker][giver]
                m.d.sync += [
                    count.eq(count + given - taken),
                    self.available[taker][giver].eq(given | (count > 1) | ((count == 1) & ~taken)),
                    owed.eq(owed + promised - taken),
                    self.room[giver][taker].eq(
                        taken | (owed < MOST_TOKENS - 1) | ((owed == MOST_TOKENS - 1) & ~promised)
                    ),
                ]
        return m
