"""SerialPostEngine against the NumPy reference, as PostEngine is tested."""

import numpy as np
import pytest

from hw.config import AcceleratorConfig
from hw.isa import SweepKind
from tests.hw.post.harness import random_state
from tests.hw.post.random_items import RandomItems
from tests.hw.post.test_engine import check

_SMALL = {"lanes": 1, "scratchpad_kib": 1, "vector_kib": 1, "tables": 1, "serial_post": 1}
_CONFIGS = {
    "1x1": AcceleratorConfig(rows=1, cols=1, acc_depth=4, param_words=16, **_SMALL),
    "2x3": AcceleratorConfig(rows=2, cols=3, acc_depth=8, param_words=32, **(_SMALL | {"tables": 3})),
    "4x4": AcceleratorConfig(rows=4, cols=4, acc_depth=16, param_words=32, acc_banks=2, **_SMALL),
}
_SHAPES = {"1x1": (3, 6), "2x3": (4, 9), "4x4": (4, 12)}  # most m, n
_WORDS = 64


def _draws(name: str, seed: int) -> tuple:
    config, (most_m, most_n) = _CONFIGS[name], _SHAPES[name]
    rng = np.random.default_rng([seed, *name.encode()])
    return random_state(config, rng, _WORDS), RandomItems(config, rng, words=_WORDS, most_m=most_m, most_n=most_n)


@pytest.mark.parametrize("name", _CONFIGS)
def test_random_drains(name: str) -> None:
    state, random_items = _draws(name, 1)
    check(state, [random_items.drain() for _ in range(10)], seed=5, stall=0.3)


@pytest.mark.parametrize("kind", list(SweepKind))
def test_random_sweeps(kind: SweepKind) -> None:
    state, random_items = _draws("4x4", 2)
    check(state, [random_items.sweep(kind) for _ in range(4)])
