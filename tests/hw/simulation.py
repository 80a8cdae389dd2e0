"""A design that is elaborated once and simulated again and again."""

from collections.abc import Awaitable, Callable
from typing import Any

from amaranth.sim import Simulator

__all__ = ["Simulation"]

Bench = Callable[[Any], Awaitable[None]]

_MOST_BACKGROUND = 4


class Simulation:
    """The simulator of one design, which begins each run in the state after power-up.

    Amaranth takes longer to elaborate an engine than to simulate a few hundred cycles of it.
    """

    def __init__(self, dut: Any) -> None:
        self._benches: tuple[Bench, ...] = ()
        self._sim = Simulator(dut)
        self._sim.add_clock(1e-6)
        for place in range(1 + _MOST_BACKGROUND):
            self._sim.add_testbench(self._player(place), background=place > 0)

    def _player(self, place: int) -> Bench:
        async def play(ctx: Any) -> None:
            if place < len(self._benches):
                await self._benches[place](ctx)

        return play

    def run(self, bench: Bench, *background: Bench) -> None:
        """Simulate from power-up until ``bench`` ends, with up to four others in the background."""
        assert len(background) <= _MOST_BACKGROUND
        # A reset before the first run would leave its testbenches behind, never begun.
        if self._benches:
            self._sim.reset()
        self._benches = (bench, *background)
        self._sim.run()
