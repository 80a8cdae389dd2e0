"""PostEngine against the NumPy reference."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import fields

import numpy as np
import pytest

from hw.core.post.statistics import Statistics
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, ParamMode, SecondStage, Stats, Sweep, SweepKind
from tests.hw.core.post.harness import Item, Run, random_state, run
from tests.hw.core.post.random_items import RandomItems, accumulators
from tests.hw.core.post.reference import PostState
from tests.long import long_but

WORDS = 64

SMALL = {"vector_kib": 1, "tables": 1}
CONFIGS = {
    "1x1": AcceleratorConfig(rows=1, cols=1, acc_depth=4, param_words=16, **SMALL),
    "2x2": AcceleratorConfig(rows=2, cols=2, acc_depth=8, param_words=16, acc_banks=3, **SMALL),
    "3x5": AcceleratorConfig(rows=3, cols=5, acc_depth=4, param_words=32, **SMALL),
    "9x6": AcceleratorConfig(rows=9, cols=6, acc_depth=8, param_words=16, **(SMALL | {"tables": 3})),
    "4x6": AcceleratorConfig(rows=4, cols=6, lanes=2, acc_depth=16, param_words=32, **SMALL),
    "16x16": AcceleratorConfig(rows=16, cols=16, acc_depth=16, param_words=16, **(SMALL | {"tables": 2})),
}
SHAPES = {"1x1": (4, 6), "2x2": (6, 9), "3x5": (4, 12), "9x6": (8, 20), "4x6": (6, 21), "16x16": (6, 37)}  # most m, n


def expect(state: PostState, items: Iterable[Item]) -> PostState:
    """What the reference makes of the state."""
    expected = deepcopy(state)
    for instruction, acc in items:
        expected.execute(instruction, acc)
    return expected


def assert_equal(actual: PostState, expected: PostState) -> None:
    for field in fields(PostState):
        a, e = getattr(actual, field.name), getattr(expected, field.name)
        assert np.array_equal(a, e) if isinstance(e, np.ndarray) else a == e, field.name


def check(state: PostState, items: list[Item], *, seed: int = 0, stall: float = 0.0) -> Run:
    result = run(state, items, seed=seed, stall=stall)
    assert_equal(result.state, expect(state, items))
    assert len(result.done) == len(items)
    return result


def draws(name: str, seed: int) -> tuple[PostState, RandomItems, np.random.Generator]:
    config, (most_m, most_n) = CONFIGS[name], SHAPES[name]
    rng = np.random.default_rng([seed, *name.encode()])
    state = random_state(config, rng, WORDS)
    return state, RandomItems(config, rng, words=WORDS, most_m=most_m, most_n=most_n), rng


@pytest.mark.parametrize("stall", long_but([0.6], [0.0, 0.6]))
@pytest.mark.parametrize("name", CONFIGS)
def test_random_instructions(name: str, stall: float) -> None:
    state, random_items, _ = draws(name, 1 + int(10 * stall))
    check(state, [random_items.draw() for _ in range(20)], seed=5, stall=stall)


def drain_of(**chosen: int) -> Drain:
    """A DRAIN that keeps results as they come, but for the chosen fields."""
    return Drain(**({"clip_low": -(1 << 15), "clip_high": (1 << 15) - 1, "param_mode": ParamMode.FIXED} | chosen))


def gaps(cycles: list[int]) -> list[int]:
    return [int(gap) - 1 for gap in np.diff(cycles)]


@pytest.mark.parametrize("name", ["16x16", "4x6"])
@pytest.mark.parametrize("stats", [0, Stats.MAX])
def test_drains_issue_a_chunk_each_cycle(name: str, stats: Stats) -> None:
    """Two DRAINs of several tiles and chunks follow one another; only statistics take 3 cycles between them."""
    state, _, rng = draws(name, 2)
    config, (_, n) = state.config, SHAPES[name]
    chunks, m = -(-n // config.lanes), 5
    half = config.vector_words // 2
    items: list[Item] = [
        (
            drain_of(m=m, n=n, dest=Destination.VECTOR, dest_addr=addr, dest_stride=chunks, stats=stats),
            accumulators(config, rng, m, n),
        )
        for addr in (0, half)
    ]
    result = check(state, items)
    assert len(result.issued) == 2 * m * chunks
    between = Statistics.SPACING - 1 if stats else 0
    assert sorted(gaps(result.issued)) == [0] * (2 * m * chunks - 2) + [between]
    assert result.done[1] - result.issued[-1] == result.latency


@pytest.mark.parametrize("kind", list(SweepKind))
def test_sweeps_issue_a_chunk_each_cycle(kind: SweepKind) -> None:
    state, random_items, _ = draws("16x16", 3)
    n = 1 if kind == SweepKind.GATHER else 37
    result = check(state, [random_items.sweep(kind, m=6, n=n)])
    chunks = {SweepKind.GATHER: 1, SweepKind.SOFTMAX: 6}.get(kind, 5)  # SOFTMAX fills whole words of 2 chunks
    assert len(result.issued) == 6 * chunks
    assert gaps(result.issued) == [0] * (6 * chunks - 1)


def test_attention_and_layernorm_in_one_go() -> None:
    """Each instruction needs what the one before has left: maxima, exponentials, reciprocals, moments, rows."""
    state, _, rng = draws("4x6", 4)
    config = state.config
    m, n = 5, 21
    chunks = -(-n // config.lanes)
    acc = accumulators(config, rng, m, n) >> 10
    row = {"m": m, "n": n, "stats_addr": 3}
    to_vector = row | {"dest": Destination.VECTOR, "dest_addr": 7, "dest_stride": chunks}
    sweep = row | {"src_addr": 7, "src_stride": chunks, "clip_low": -127, "clip_high": 127}
    words = -(-n // config.rows)
    items: list[Item] = [
        (drain_of(**to_vector, pre_shift=4, shift=17, stats=Stats.MAX, stats_first=1), acc),
        (Sweep(**sweep, kind=SweepKind.SOFTMAX, dest_addr=1, dest_stride=words), None),
        (drain_of(**row, row_scale=1, second=SecondStage.SCALE, second_shift=17, dest_addr=2, dest_stride=words), acc),
        (
            drain_of(
                **to_vector,
                shift=17,
                second=SecondStage.RESIDUAL,
                second_shift=15,
                res_addr=7,
                res_stride=chunks,
                stats=Stats.MOMENTS,
                stats_first=1,
                stats_last=1,
                row_length=n,
            ),
            acc,
        ),
        (Sweep(**sweep, kind=SweepKind.LAYERNORM, second_shift=16, dest_addr=3, dest_stride=words), None),
        (
            Sweep(
                **(sweep | {"n": 1, "src_addr": 9}), kind=SweepKind.GATHER, src_lane=1, second_shift=14, dest_byte=3,
                dest_addr=5, dest_stride=words,
            ),
            None,
        ),
        (Sweep(**sweep, kind=SweepKind.MOMENTS, row_length=n), None),
        (Sweep(**sweep, kind=SweepKind.LAYERNORM, second_shift=16, dest_addr=3, dest_stride=words), None),
    ]  # fmt: skip
    result = check(state, items)
    assert result.counts["wait_row"] > 0


def test_residual_sees_the_drain_before() -> None:
    state, _, rng = draws("16x16", 5)
    config = state.config
    m, n, chunks = 3, 32, 4
    acc = accumulators(config, rng, m, n) >> 12
    place = {"m": m, "n": n, "dest": Destination.VECTOR, "dest_stride": chunks, "shift": 17}
    residual = {"second": SecondStage.RESIDUAL, "second_shift": 12, "res_stride": chunks}
    items: list[Item] = [
        (drain_of(**place, dest_addr=0), acc),
        (drain_of(**place, dest_addr=20, **residual, res_addr=0), acc),
        (drain_of(m=m, n=n, shift=17, dest_stride=2), acc),
        (drain_of(**place, dest_addr=20, **residual, res_addr=20), acc),
    ]
    check(state, items)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stats", [Stats.MAX, Stats.MOMENTS])
def test_statistics_of_rows_that_return_at_once(m: int, stats: Stats) -> None:
    """With one chunk a tile a row comes back after ``m`` cycles; the next DRAIN starts with the last row before."""
    state, _, rng = draws("2x2", 6)
    config, n = state.config, 9
    chunks = -(-n // config.lanes)
    items: list[Item] = []
    for k in range(4):
        drain = drain_of(
            m=m, n=n, dest=Destination.VECTOR, dest_stride=chunks, shift=17, stats=stats,
            stats_addr=(m - 1) * (k % 2) if 2 * m - 1 <= config.acc_depth else 0, stats_first=int(k == 0),
        )  # fmt: skip
        items.append((drain, accumulators(config, rng, m, n)))
    check(state, items)


def test_row_unit_gets_the_job_of_each_drain() -> None:
    """A DRAIN is through its loops before its statistics are written."""
    state, _, rng = draws("4x6", 7)
    config, m, n = state.config, 2, 4
    items: list[Item] = [
        (
            drain_of(
                m=m, n=n, dest=Destination.VECTOR, dest_addr=8 * k, dest_stride=2, shift=17, stats=Stats.MOMENTS,
                stats_addr=m * k, stats_first=1, stats_last=1, row_length=n,
            ),
            accumulators(config, rng, m, n),
        )
        for k in range(4)
    ]  # fmt: skip
    check(state, items)


def test_saturation_corners() -> None:
    """Extremes of all operands, through all shifts."""
    config = AcceleratorConfig(rows=8, cols=8, acc_depth=64, param_words=64, **SMALL)
    rng = np.random.default_rng(7)
    state = random_state(config, rng, WORDS)
    for values, bits in ((state.bias, 28), (state.mul, 18), (state.mul2, 18), (state.vector, 16)):
        top = 1 << (bits - 1)
        values[:] = rng.choice([-top, 1 - top, -1, 0, 1, top - 1], values.shape)
    items: list[Item] = []
    for k in range(32):
        acc = rng.choice([-(1 << 31), -(1 << 17), -1, 0, 1, (1 << 17) - 1, (1 << 31) - 1], (2, 8))
        residual = {"second": k % 3, "res_addr": 40 + k % 8, "second_shift": 31 - k}
        drain = drain_of(m=2, n=8, dest=Destination.VECTOR, dest_addr=k, pre_shift=k, shift=k, **residual)
        items.append((Drain(**(vars(drain) | {"param_mode": ParamMode.ROW, "param_addr": k})), acc))
    check(state, items)


def test_total_shift_of_rows() -> None:
    """All 64 total shifts, for accumulators and for rows of LAYERNORM."""
    config = AcceleratorConfig(rows=4, cols=4, acc_depth=64, param_words=4, **SMALL)
    rng = np.random.default_rng(8)
    state = random_state(config, rng, words=128)
    state.row_total = np.arange(64)
    acc = accumulators(config, rng, 64, 4)
    items: list[Item] = [
        (drain_of(m=64, n=4, row_scale=1, dest=Destination.VECTOR, dest_addr=64, dest_stride=1), acc),
        (
            Sweep(
                m=64,
                n=4,
                kind=SweepKind.LAYERNORM,
                src_stride=1,
                dest_addr=64,
                dest_stride=1,
                clip_low=-127,
                clip_high=127,
            ),
            None,
        ),
    ]
    check(state, items)


def test_drains_to_memory_end_in_order_with_the_bus() -> None:
    """DRAINs on chip and to memory take turns while the bus hardly takes anything."""
    state, random_items, _ = draws("4x6", 9)
    places = (Destination.MEMORY, Destination.MEMORY, Destination.SCRATCHPAD, Destination.MEMORY, Destination.VECTOR)
    result = check(state, [random_items.drain(dest=dest, m=4, n=20) for dest in places], stall=0.9)
    assert result.counts["wait_memory"] > result.counts["busy"]
