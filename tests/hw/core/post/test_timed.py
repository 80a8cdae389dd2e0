"""Values wait in as many registers as there are stages between."""

from typing import Any

import pytest
from amaranth.hdl import Fragment, Module, Signal, signed
from amaranth.sim import Simulator

from hw.core.post.timed import Timed


@pytest.mark.parametrize("stages", [0, 1, 3])
def test_comes_as_many_beats_later(stages: int) -> None:
    m, value, beat, o = Module(), Signal(signed(8)), Signal(), Signal(signed(8))
    later = Timed(value, 2).at(m, 2 + stages, name="kept", enable=beat)
    assert later.stage == 2 + stages
    m.d.comb += o.eq(later.value)
    m.d.sync += Signal(name="clocked").eq(1)
    sent, found = [-128, 3, 127, -1, 5, 9], []

    async def bench(ctx: Any) -> None:
        for number in sent:
            ctx.set(value, number)
            for last in (0, 1):
                ctx.set(beat, last)
                if last:
                    found.append(ctx.get(o))
                await ctx.tick()

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert found == [*[0] * stages, *sent][: len(sent)]


def test_nothing_comes_earlier() -> None:
    m = Module()
    with pytest.raises(ValueError, match=r"^stage must be at least 3, not 2$"):
        Timed(Signal(), 3).at(m, 2, name="kept")
    Fragment.get(m, None)  # or Amaranth warns that it was made for nothing
