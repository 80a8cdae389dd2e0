"""Perplexity of models whose answers are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sw.perplexity import measure, windows


def uniform(ids: Sequence[int]) -> Any:
    return np.zeros((len(ids), 8))


def sure(ids: Sequence[int]) -> Any:
    """Knows what comes next, twice as likely as each other token."""
    return np.log1p(np.eye(8))[[*ids[1:], 0]]


def test_windows_are_spread_and_opened() -> None:
    made = windows(range(100), 3, 11, first=7)
    assert [(w[0], w[1], w[-1], len(w)) for w in made] == [(7, 22, 31, 11), (7, 44, 53, 11), (7, 66, 75, 11)]
    assert windows(range(100), 1, 10)[0] == list(range(44, 54))


@pytest.mark.parametrize("opened", [True, False])
def test_known_models(opened: bool) -> None:
    texts = [[1, 2, 3, 4], [5, 6, 7, 0]]
    found = measure(uniform, texts, opened=opened, reference=sure)
    assert found.tokens == (4 if opened else 6)
    assert found.perplexity == pytest.approx(8)
    assert found.reference == pytest.approx(4.5)
    assert found.divergence == pytest.approx(2 / 9 * np.log(16 / 9) + 7 / 9 * np.log(8 / 9))
    assert found.same_choice == 0
    alone = measure(sure, texts, opened=opened)
    assert alone.perplexity == pytest.approx(4.5)
    assert alone.divergence is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((range(9), 0, 4), "count must be"), ((range(9), 1, 1), "length must be"), ((range(4), 1, 4), "more than 4")],
)
def test_wrong_windows_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        windows(*arguments)
