"""Tokens are drawn as asked for, the same ones for the same seed."""

from typing import Any

import numpy as np
import pytest

from sw.sampling import Sampler

LOGITS = np.log([0.5, 0.3, 0.15, 0.05])


def drawn(**settings: Any) -> list[int]:
    sampler = Sampler(temperature=1.0, **settings)
    return [sampler.choose(LOGITS) for _ in range(4000)]


def test_greedy_takes_the_first_of_the_greatest() -> None:
    assert Sampler().choose([1, 3, 3, -2]) == 1


def test_frequencies_are_the_probabilities() -> None:
    np.testing.assert_allclose(np.bincount(drawn()) / 4000, [0.5, 0.3, 0.15, 0.05], atol=0.03)


def test_seed_decides() -> None:
    assert drawn(seed=5) == drawn(seed=5) != drawn(seed=6)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [({"top_k": 2}, {0, 1}), ({"top_p": 0.4}, {0}), ({"top_p": 0.7}, {0, 1}), ({"top_k": 3, "top_p": 0.99}, {0, 1, 2})],
)
def test_only_likely_tokens_count(settings: dict[str, Any], kept: set[int]) -> None:
    assert set(drawn(**settings)) == kept


def test_penalty_lowers_what_has_been_once() -> None:
    sampler = Sampler(repetition_penalty=2.0)
    assert sampler.choose([3.0, 2.0, -1.0], [0, 0]) == 1
    assert sampler.choose([-1.0, -1.5], [0]) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature must be 0 or more, not -0.1"),
        ({"temperature": float("nan")}, "temperature must be 0 or more, not nan"),
        ({"top_k": -1}, "top_k must be 0 or more, not -1"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, not 0.0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be above 0, not 0.0"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampler(**settings)
