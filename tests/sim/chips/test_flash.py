"""The chip's model: its bytes, and that every rule is caught when broken and not when just kept."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from hw.flash.command import CONTINUE, QUAD_ENABLE, Command
from sim.chips.flash import FlashModel
from sim.chips.flash_rule import FlashRule
from spec.flash_chip import FlashChip
from tests.hw.flash.system import violations
from tests.hw.sdram.system import simulate

CLOCK_HZ = 100e6
CHIP = FlashChip(size=256, deselect_read_ns=30, deselect_other_ns=60, release_ns=200)
"""All times differ, and a cycle is 10 ns."""

READ, OTHER, RELEASE = 3, 6, 20
"""The times in cycles."""

BYTES = bytes((7 * n + 3) % 256 for n in range(256))


@dataclass(frozen=True)
class Cycle:
    """What the controller does to the wires in a cycle; ``io`` is None where it does not drive them."""

    cs: int = 1
    clock: int = 1
    io: int | None = None


def high(cycles: int) -> list[Cycle]:
    return [Cycle(cs=0, clock=0)] * cycles


def bits(byte: int, others: int = 0b1110) -> list[Cycle]:
    return [Cycle(io=others | byte >> n & 1) for n in reversed(range(8))]


def nibbles(*values: int) -> list[Cycle]:
    return [Cycle(io=nibble) for value in values for nibble in (value >> 4, value & 15)]


def free(clocks: int) -> list[Cycle]:
    return [Cycle()] * clocks


def idle(cycles: int) -> list[Cycle]:
    return [Cycle(clock=0)] * cycles


def address(addr: int, mode: int = CONTINUE) -> list[Cycle]:
    return nibbles(addr >> 16, addr >> 8 & 255, addr & 255, mode)


def enable(value: int = QUAD_ENABLE) -> list[Cycle]:
    return [
        *bits(Command.VOLATILE_WRITE_ENABLE),
        *high(OTHER),
        *bits(Command.WRITE_STATUS_2),
        *bits(value),
        *high(OTHER),
    ]


def wake() -> list[Cycle]:
    return [*bits(Command.RELEASE_POWER_DOWN), *high(RELEASE)]


def read(addr: int, clocks: int = 4, mode: int = CONTINUE) -> list[Cycle]:
    return [*address(addr, mode), *free(4), *free(clocks)]


FIRST = [*wake(), *enable(), *bits(Command.READ_QUAD)]
"""Everything before the first address."""


def run(
    cycles: list[Cycle], chip: FlashChip = CHIP, *, late: bool = False, **options: Any
) -> tuple[dict[str, int], list[int]]:
    """Play to a new chip; return the violations and the wires at every clock that the controller does not drive.

    At half the rate the wires change a cycle before the clock's rise, or ``late``, together with it.
    """
    half_rate = options.get("half_rate", False)
    model = FlashModel(chip, CLOCK_HZ, init=BYTES[: chip.size], **options)
    results: list[Any] = []

    async def bench(ctx: Any) -> None:
        pins, seen = model.pins, []
        for cycle in [*cycles, Cycle(cs=0, clock=0)]:
            if half_rate and late:
                ctx.set(pins.sck_en, 0)
                await ctx.tick()
            ctx.set(pins.cs_n, not cycle.cs)
            ctx.set(pins.io_oe, cycle.io is not None)
            ctx.set(pins.io_o, cycle.io or 0)
            if half_rate and not late:
                ctx.set(pins.sck_en, 0)
                await ctx.tick()
            ctx.set(pins.sck_en, cycle.clock)
            _, _, wires = await ctx.tick().sample(pins.io_i)
            if cycle.clock and cycle.io is None:
                seen.append(int(wires))
        await ctx.tick()
        results.extend([violations(ctx, model), seen])

    simulate(model, bench, deadline=5000)
    return results[0], results[1]


def expected(addr: int, clocks: int) -> list[int]:
    places = [(addr + n // 2) % len(BYTES) for n in range(clocks)]
    return [BYTES[place] >> 4 if n % 2 == 0 else BYTES[place] & 15 for n, place in enumerate(places)]


KEPT = {
    FlashRule.COMMAND: [*FIRST, *read(0, mode=0xFF), *high(READ), *bits(Command.NONE), *high(OTHER), *wake()],
    FlashRule.CUT_SHORT: [
        *FIRST, *read(0, 1), *high(READ), *address(5), *free(4), *high(READ), *nibbles(*[0xFF] * 4), *high(OTHER),
    ],
    FlashRule.DESELECT: [
        *FIRST, *read(0), *high(READ), *read(9), *high(READ), *address(0, 0xFF), *high(OTHER), *wake(),
    ],
    FlashRule.POWERED_DOWN: [*bits(Command.NONE), *high(OTHER), *FIRST, *read(0)],
    FlashRule.RELEASE: [*bits(Command.RELEASE_POWER_DOWN), *high(RELEASE), *bits(Command.NONE)],
    FlashRule.HOLD: [*FIRST, *read(0, mode=0xFF), *high(READ), *bits(Command.READ_QUAD, 0), *read(0)],
    FlashRule.UNDRIVEN: [*FIRST, *address(0), *free(8), *idle(9), *free(3)],
    FlashRule.CONTENTION: [*FIRST, *address(0), *nibbles(0xFF), Cycle(io=0), *free(1), *free(5), *high(1)],
    FlashRule.BEYOND: [*FIRST, *read(255)],
}  # fmt: skip
"""Ways to keep a rule with nothing to spare."""

BROKEN = [
    (FlashRule.COMMAND, [*wake(), *bits(0x9F)]),
    (FlashRule.COMMAND, [*FIRST, *read(0, mode=0xFF), *high(READ), *bits(0x03)]),
    (FlashRule.CUT_SHORT, [*wake(), *bits(Command.NONE)[:7], *high(OTHER)]),
    (FlashRule.CUT_SHORT, [*wake(), *enable()[: 2 * 8 + OTHER], *high(OTHER)]),
    (FlashRule.CUT_SHORT, [*FIRST, *high(OTHER)]),
    (FlashRule.CUT_SHORT, [*FIRST, *address(0)[:5], *high(OTHER)]),
    (FlashRule.CUT_SHORT, [*FIRST, *address(0)[:6], *high(OTHER)]),
    (FlashRule.CUT_SHORT, [*FIRST, *address(0), *free(3), *high(OTHER)]),
    (FlashRule.DESELECT, [*FIRST, *read(0), *high(READ - 1), *read(9)]),
    (FlashRule.DESELECT, [*wake(), *bits(Command.NONE), *high(OTHER - 1), *bits(Command.NONE)]),
    (FlashRule.POWERED_DOWN, [*bits(Command.VOLATILE_WRITE_ENABLE)]),
    (FlashRule.RELEASE, [*bits(Command.RELEASE_POWER_DOWN), *high(RELEASE - 1), *bits(Command.NONE)]),
    (FlashRule.QUAD_DISABLED, [*wake(), *bits(Command.READ_QUAD), *read(0)]),
    (FlashRule.WRITE_DISABLED, [*wake(), *enable()[8 + OTHER :], *bits(Command.READ_QUAD), *read(0)]),
    (FlashRule.STATUS, [*wake(), *enable(0x03), *bits(Command.READ_QUAD), *read(0)]),
    (FlashRule.MODE, [*FIRST, *read(0, mode=0x00)]),
    (FlashRule.MODE, [*FIRST, *read(0, mode=0xF0)]),
    (FlashRule.HOLD, [*wake(), *bits(0xFF)[:3], Cycle(io=0b0111), *bits(0xFF)[4:]]),
    (FlashRule.HOLD, [*wake(), *bits(0xFF)[:3], Cycle(io=0b1011), *bits(0xFF)[4:]]),
    (FlashRule.UNDRIVEN, [*wake(), *free(1), *bits(0xFF)[1:]]),
    (FlashRule.UNDRIVEN, [*FIRST, *address(0)[:7], *free(1), *free(5)]),
    (FlashRule.CONTENTION, [*FIRST, *address(0), *free(3), Cycle(io=0), *free(1)]),
    (FlashRule.CONTENTION, [*FIRST, *address(0), *free(9), Cycle(clock=0, io=0), *free(1)]),
    (FlashRule.BEYOND, [*FIRST, *read(256)]),
    (FlashRule.BEYOND, [*FIRST, *read(0x800000)]),
]
"""Ways to break one rule, once."""


def test_encodings_are_those_of_the_data_sheet() -> None:
    assert {command.name: int(command) for command in Command} == {
        "WRITE_STATUS_2": 0x31,
        "VOLATILE_WRITE_ENABLE": 0x50,
        "RELEASE_POWER_DOWN": 0xAB,
        "READ_QUAD": 0xEB,
        "NONE": 0xFF,
    }
    assert QUAD_ENABLE == 1 << 1, "bit 9 of the status, in its second byte"
    assert CONTINUE >> 4 & 3 == 0b10, "M5-4"


@pytest.mark.parametrize("half_rate", [False, True])
@pytest.mark.parametrize("rule", KEPT)
def test_rule_kept_with_nothing_to_spare(rule: FlashRule, half_rate: bool) -> None:
    """But time, which is twice as long at half the rate."""
    assert run(KEPT[rule], half_rate=half_rate)[0] == {}


@pytest.mark.parametrize(("rule", "cycles"), BROKEN)
def test_broken_rule_is_counted_and_no_other(rule: FlashRule, cycles: list[Cycle]) -> None:
    assert run(cycles)[0] == {rule.value: 1}


def test_every_rule_is_broken_by_some_test() -> None:
    assert {rule for rule, _ in BROKEN} | {FlashRule.SETUP} == set(FlashRule)


def test_wires_that_change_with_the_clock_are_counted() -> None:
    cycles = [*bits(0b11110000), *high(OTHER)]
    counts = run(cycles, half_rate=True, late=True, powered_down=False)[0]
    assert counts == {"setup": 2, "command": 1}, "with the selection, and between the fourth and the fifth bit"
    assert run(cycles, half_rate=True, powered_down=False)[0] == {"command": 1}


def test_counts_saturate() -> None:
    assert run([*FIRST, *address(0), *free(4), *[Cycle(clock=0, io=0)] * 300])[0] == {"contention": 255}


@pytest.mark.parametrize("half_rate", [False, True])
def test_bytes_come_after_the_dummy_clocks(half_rate: bool) -> None:
    cycles = [*FIRST, *read(7, 9), *high(READ), *read(100, 4), *idle(7), *free(2)]
    counts, seen = run(cycles, half_rate=half_rate)
    assert counts == {}
    assert seen == [15] * 4 + expected(7, 9) + [15] * 4 + expected(100, 6)


def test_reads_go_round_the_end() -> None:
    counts, seen = run([*FIRST, *read(254, 10)])
    assert counts == {}
    assert seen[4:] == expected(254, 10)


def test_address_beyond_a_small_chip_is_taken_modulo_its_size() -> None:
    assert run([*FIRST, *read(0x123405, 4)])[1][4:] == expected(5, 4)


def test_powered_down_chip_does_nothing_else() -> None:
    _, seen = run([*enable(), *bits(Command.READ_QUAD), *read(0)])
    assert seen == [15] * 8
    assert run([*enable(), *bits(Command.READ_QUAD), *read(0)], powered_down=False)[0] == {}


def test_other_modes_end_reading_without_command() -> None:
    for mode in (0xFF, 0x00, 0x30):
        counts, seen = run([*FIRST, *read(0, 2, mode), *high(READ), *bits(Command.READ_QUAD), *read(3, 2)])
        assert counts.get("command", 0) == 0
        assert seen[-2:] == expected(3, 2)


def test_chip_may_be_left_in_the_middle_of_a_program() -> None:
    counts, seen = run([*read(3, 2)], replace(CHIP, quad_enabled=True), powered_down=False, continuous=True)
    assert (counts, seen[4:]) == ({}, expected(3, 2))
