"""PostEngine against the NumPy reference."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import fields

import numpy as np
import pytest

from hw.config import AcceleratorConfig
from hw.isa import Destination, Drain, Instruction, ParamMode, SecondStage, Stats, Sweep, SweepKind
from hw.post.engine import PostEngine
from tests.hw.post.harness import Item, Run, random_state, run
from tests.hw.post.random_items import RandomItems, accumulators
from tests.hw.post.reference import PostState

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


@pytest.mark.parametrize("stall", [0.0, 0.6])
@pytest.mark.parametrize("name", CONFIGS)
def test_random_instructions(name: str, stall: float) -> None:
    state, random_items, _ = draws(name, 1 + int(10 * stall))
    check(state, [random_items.draw() for _ in range(40)], seed=5, stall=stall)
