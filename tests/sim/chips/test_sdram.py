"""The chip's model: its words, and that every rule is caught when broken and not when just kept."""

from dataclasses import dataclass
from typing import Any

import pytest

from hw.sdram.command import Command
from hw.sdram.pins import AUTO_PRECHARGE_BIT
from hw.sdram.power_up import mode_word
from sim.chips.sdram import SdramModel
from sim.chips.sdram_rule import SdramRule
from spec.sdram_chip import SdramChip
from tests.hw.sdram.system import simulate, violations

CLOCK_HZ = 100e6
CHIP = SdramChip(
    rows=4,
    columns=16,
    rcd_ns=30,
    rp_ns=40,
    ras_ns=80,
    rc_ns=140,
    rrd_ns=50,
    wr_ns=60,
    rfc_ns=90,
    mrd_cycles=3,
    retention_ns=4 * 1000,
    power_up_ns=200,
    initial_refreshes=2,
)
"""All times differ, and a cycle is 10 ns."""

T = CHIP.timing(CLOCK_HZ)
ALL = 1 << AUTO_PRECHARGE_BIT
LONG = 20
"""Cycles after which no time but the refresh interval matters."""


@dataclass(frozen=True)
class Step:
    """A command, `gap` cycles after the one before."""

    gap: int
    command: Command
    bank: int = 0
    a: int = 0
    dq: int | None = 0
    dqm: int = 0


def act(gap: int, bank: int = 0, row: int = 0) -> Step:
    return Step(gap, Command.ACTIVATE, bank, row, None)


def read(gap: int, bank: int = 0, column: int = 0, **options: Any) -> Step:
    return Step(gap, Command.READ, bank, column, **{"dq": None, **options})


def write(gap: int, bank: int = 0, column: int = 0, **options: Any) -> Step:
    return Step(gap, Command.WRITE, bank, column, **options)


def precharge(gap: int, bank: int = 0, a: int = 0) -> Step:
    return Step(gap, Command.PRECHARGE, bank, a, None)


def refresh(gap: int) -> Step:
    return Step(gap, Command.REFRESH, dq=None)


def mode(gap: int, a: int = mode_word(CHIP.cas_latency)) -> Step:
    return Step(gap, Command.MODE, a=a, dq=None)


def power_up(wait: int = T.power_up, refreshes: int = CHIP.initial_refreshes) -> list[Step]:
    return [precharge(wait, a=ALL), refresh(T.rp), *[refresh(T.rfc)] * (refreshes - 1), mode(T.rfc)]


async def play(ctx: Any, model: SdramModel, steps: list[Step]) -> list[int]:
    """Give the commands; return the data wires as sampled at the edge of each command and the five after the last."""
    pins, samples = model.pins, []

    async def tick() -> None:
        samples.append(int((await ctx.tick().sample(pins.dq_i))[2]))

    ctx.set(pins.cke, 1)
    first = True
    for step in steps:
        for _ in range(step.gap if first else step.gap - 1):
            ctx.set(pins.cs_n, 1)
            ctx.set(pins.dq_oe, 0)
            ctx.set(pins.dqm, 0)
            await tick()
        first = False
        ctx.set(pins.cs_n, 0)
        ctx.set(pins.we_n, step.command & 1)
        ctx.set(pins.cas_n, step.command >> 1 & 1)
        ctx.set(pins.ras_n, step.command >> 2)
        ctx.set(pins.ba, step.bank)
        ctx.set(pins.a, step.a)
        ctx.set(pins.dqm, step.dqm)
        ctx.set(pins.dq_oe, step.dq is not None)
        ctx.set(pins.dq_o, step.dq or 0)
        await tick()
    ctx.set(pins.cs_n, 1)
    ctx.set(pins.dq_oe, 0)
    ctx.set(pins.dqm, 0)
    for _ in range(5):
        await tick()
    return samples


def run(steps: list[Step], *, idle: int = 0, chip: SdramChip = CHIP) -> tuple[dict[str, int], list[int]]:
    """Play the steps to a new chip and wait; return the violations and what was on the data wires."""
    model = SdramModel(chip, CLOCK_HZ)
    results: list[Any] = []

    async def bench(ctx: Any) -> None:
        samples = await play(ctx, model, steps)
        if idle:
            await ctx.tick().repeat(idle)
        results.extend([violations(ctx, model), samples])

    simulate(model, bench, deadline=5000)
    return results[0], results[1]


KEPT = {
    SdramRule.T_RCD: [act(LONG), read(T.rcd)],
    SdramRule.T_RP: [act(LONG), precharge(LONG), act(T.rp)],
    SdramRule.T_RAS: [act(LONG), precharge(T.ras)],
    SdramRule.T_RC: [act(LONG), precharge(T.ras), act(T.rc - T.ras)],
    SdramRule.T_RRD: [act(LONG), act(T.rrd, 1)],
    SdramRule.T_WR: [act(LONG), write(LONG), precharge(T.wr)],
    SdramRule.T_RFC: [refresh(LONG), act(T.rfc)],
    SdramRule.T_MRD: [act(T.mrd)],
    SdramRule.CLOSED_BANK: [act(LONG, 1), read(LONG, 1), write(LONG, 1)],
    SdramRule.OPEN_BANK: [act(LONG, 1), act(LONG, 2), precharge(LONG, 1), act(LONG, 1)],
    SdramRule.ROWS_OPEN: [act(LONG), act(LONG, 3), precharge(LONG, a=ALL), refresh(T.rp), mode(T.rfc)],
    SdramRule.CONTENTION: [act(LONG), read(LONG), write(CHIP.cas_latency + 1)],
    SdramRule.UNDRIVEN: [act(LONG), write(LONG)],
    SdramRule.UNSUPPORTED: [act(LONG), read(LONG, column=15), write(LONG, column=15)],
}
"""Ways to keep a rule with nothing to spare, after power-up."""

BROKEN = [
    (SdramRule.T_RCD, [act(LONG), read(T.rcd - 1)]),
    (SdramRule.T_RCD, [act(LONG), write(T.rcd - 1)]),
    (SdramRule.T_RP, [act(LONG), precharge(LONG), act(T.rp - 1)]),
    (SdramRule.T_RP, [act(LONG), precharge(LONG, a=ALL), refresh(T.rp - 1)]),
    (SdramRule.T_RP, [act(LONG), precharge(LONG), mode(T.rp - 1)]),
    (SdramRule.T_RAS, [act(LONG), precharge(T.ras - 1)]),
    (SdramRule.T_RAS, [act(LONG, 3), precharge(T.ras - 1, a=ALL)]),
    (SdramRule.T_RC, [act(LONG), precharge(T.ras), act(T.rc - T.ras - 1)]),
    (SdramRule.T_RRD, [act(LONG), act(T.rrd - 1, 1)]),
    (SdramRule.T_WR, [act(LONG), write(LONG), precharge(T.wr - 1)]),
    (SdramRule.T_RFC, [refresh(LONG), act(T.rfc - 1)]),
    (SdramRule.T_RFC, [refresh(LONG), refresh(T.rfc - 1)]),
    (SdramRule.T_MRD, [act(T.mrd - 1)]),
    (SdramRule.CLOSED_BANK, [act(LONG, 1), read(LONG)]),
    (SdramRule.CLOSED_BANK, [write(LONG)]),
    (SdramRule.OPEN_BANK, [act(LONG), act(LONG, row=1)]),
    (SdramRule.ROWS_OPEN, [act(LONG, 2), refresh(LONG)]),
    (SdramRule.ROWS_OPEN, [act(LONG, 2), mode(LONG)]),
    (SdramRule.CONTENTION, [act(LONG), read(LONG), write(CHIP.cas_latency)]),
    (SdramRule.UNDRIVEN, [act(LONG), write(LONG, dq=None)]),
    (SdramRule.UNSUPPORTED, [act(LONG), read(LONG, column=ALL)]),
    (SdramRule.UNSUPPORTED, [act(LONG), write(LONG, column=ALL)]),
    (SdramRule.UNSUPPORTED, [Step(LONG, Command.STOP, dq=None)]),
    (SdramRule.UNSUPPORTED, [mode(LONG, mode_word(CHIP.cas_latency) | 3)]),
    (SdramRule.CAS_LATENCY, [mode(LONG, mode_word(2))]),
]
"""Ways to break one rule, once, after power-up."""


def test_encodings_are_those_of_the_data_sheet() -> None:
    names = ["MODE", "REFRESH", "PRECHARGE", "ACTIVATE", "WRITE", "READ", "STOP", "NOP"]
    assert [Command(code).name for code in range(8)] == names, "ras_n, cas_n, we_n"
    assert (mode_word(2), mode_word(3)) == (0x020, 0x030)


@pytest.mark.parametrize("rule", KEPT)
def test_rule_kept_with_nothing_to_spare(rule: SdramRule) -> None:
    assert run(power_up() + KEPT[rule])[0] == {}


@pytest.mark.parametrize(("rule", "steps"), BROKEN)
def test_broken_rule_is_counted_and_no_other(rule: SdramRule, steps: list[Step]) -> None:
    assert run(power_up() + steps)[0] == {rule.value: 1}


@pytest.mark.parametrize(
    "steps",
    [
        power_up(wait=T.power_up - 1),
        power_up(refreshes=1),
        [precharge(T.power_up, a=ALL), mode(T.rp)],
        [precharge(T.power_up, a=ALL), refresh(T.rp), refresh(T.rfc), act(T.rfc)],
    ],
)
def test_power_up_in_another_order_is_counted(steps: list[Step]) -> None:
    assert run(steps)[0] == {SdramRule.POWER_UP.value: 1}


def test_refresh_before_the_banks_are_precharged_is_counted() -> None:
    steps = [precharge(T.power_up), refresh(T.rp), precharge(T.rfc, a=ALL), refresh(T.rp), mode(T.rfc)]
    assert run(steps)[0] == {SdramRule.POWER_UP.value: 1}


def test_every_rule_is_broken_by_some_test() -> None:
    assert {rule for rule, _ in BROKEN} | {SdramRule.POWER_UP, SdramRule.REFRESH_OWED} == set(SdramRule)


def test_ninth_refresh_owed_is_counted() -> None:
    ninth = 9 * T.refi - 5
    assert run(power_up(), idle=ninth - 1)[0] == {}
    assert run(power_up(), idle=ninth + 1)[0] == {SdramRule.REFRESH_OWED.value: 1}

    refreshed = [*power_up(), refresh(LONG + T.refi)]
    assert run(refreshed, idle=ninth - LONG - 1)[0] == {}
    assert run(refreshed, idle=ninth - LONG + 1)[0] == {SdramRule.REFRESH_OWED.value: 1}


def test_counts_saturate() -> None:
    assert run(power_up() + [read(1 if n else LONG) for n in range(300)])[0] == {SdramRule.CLOSED_BANK.value: 255}


@pytest.mark.parametrize("cas_latency", [2, 3])
def test_words_come_back_after_the_cas_latency(cas_latency: int) -> None:
    chip = SdramChip(**{**vars(CHIP), "cas_latency": cas_latency})
    start = [*power_up()[:-1], mode(T.rfc, mode_word(cas_latency))]
    writes = [act(LONG, 2, 3), *(write(LONG if n == 0 else 1, 2, n, dq=0x1111 * (n + 1)) for n in range(3))]
    reads = [read(LONG if n == 0 else 1, 2, 2 - n) for n in range(3)]
    counts, samples = run(start + writes + reads, chip=chip)
    assert counts == {}
    undriven = [0xFFFF] * (5 - cas_latency)
    assert samples[-5 - 3 :] == [0xFFFF] * cas_latency + [0x3333, 0x2222, 0x1111] + undriven


def test_masks() -> None:
    writes = [act(LONG), write(LONG, dq=0x1234), write(1, dq=0xABCD, dqm=0b01), write(1, dq=0x5678, dqm=0b11)]
    counts, samples = run(power_up() + writes + [read(LONG)])
    assert counts == {}
    assert samples[-6:] == [0xFFFF] * 3 + [0xAB34] + [0xFFFF] * 2


def test_reading_masks_act_two_cycles_later() -> None:
    writes = [act(LONG), *(write(LONG if n == 0 else 1, 0, n, dq=0x1010 + n) for n in range(3))]
    reads = [read(LONG), read(1, 0, 1), read(1, 0, 2, dqm=0b10)]
    samples = run(power_up() + writes + reads)[1]
    assert samples[-5:] == [0x1010, 0xFF11, 0x1012, 0xFFFF, 0xFFFF]


def test_rows_and_banks_are_apart() -> None:
    model = SdramModel(CHIP, CLOCK_HZ, init=range(CHIP.words))
    places = [(bank, row) for bank in range(CHIP.banks) for row in range(CHIP.rows)]
    steps = power_up()
    for bank, row in places:
        steps += [act(LONG, bank, row), read(LONG, bank, 5), precharge(LONG, bank), refresh(LONG)]
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        seen.extend(await play(ctx, model, steps))
        assert violations(ctx, model) == {}

    simulate(model, bench, deadline=5000)
    words = [word for word in seen if word != 0xFFFF]
    assert words == [(row * CHIP.banks + bank) * CHIP.columns + 5 for bank, row in places]
