"""When patience ends, to the cycle."""

from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.bus.watchdog import Watchdog

_TIMEOUT = 17


def _expires(outstanding: list[int], progress: list[int]) -> list[int]:
    """Return ``expired`` in each of these cycles."""
    dut, expired = Watchdog(_TIMEOUT), []

    async def bench(ctx: Any) -> None:
        for owes, moves in zip(outstanding, progress, strict=True):
            ctx.set(dut.outstanding, owes)
            ctx.set(dut.progress, moves)
            expired.append(ctx.get(dut.expired))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return expired


@pytest.mark.parametrize("idle", [0, 1, 5])
def test_it_expires_after_exactly_so_many_cycles(idle: int) -> None:
    """Nothing is owed for some cycles, which do not count; then it stays expired."""
    cycles = idle + _TIMEOUT + 40
    expired = _expires([0] * idle + [1] * (cycles - idle), [0] * cycles)
    assert expired == [0] * (idle + _TIMEOUT) + [1] * (cycles - idle - _TIMEOUT)


@pytest.mark.parametrize("at", [0, 1, _TIMEOUT - 1])
def test_progress_begins_the_time_anew(at: int) -> None:
    cycles = at + 1 + _TIMEOUT + 3
    progress = [int(cycle == at) for cycle in range(cycles)]
    assert _expires([1] * cycles, progress) == [0] * (at + 1 + _TIMEOUT) + [1] * 3


def test_what_is_no_longer_owed_begins_it_anew() -> None:
    owes = [1] * (_TIMEOUT - 1) + [0] + [1] * (_TIMEOUT + 1)
    assert _expires(owes, [0] * len(owes)) == [0] * (len(owes) - 1) + [1]


def test_progress_ends_it() -> None:
    cycles = 2 * _TIMEOUT + 4
    progress = [int(cycle == _TIMEOUT + 2) for cycle in range(cycles)]
    assert _expires([1] * cycles, progress) == [0] * _TIMEOUT + [1] * 3 + [0] * _TIMEOUT + [1]
