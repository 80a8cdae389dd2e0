"""Rows of tokens: words, positions, and token types where there are others than 0."""

import numpy as np
import pytest

from sw.network.random_checkpoint import random_checkpoint

EMBED = random_checkpoint(0, token_types=3).network.embed
IDS = [5, 6, 7, 8]


def test_type_0_changes_nothing() -> None:
    rows = EMBED.rows(IDS)
    np.testing.assert_array_equal(rows, random_checkpoint(0).network.embed.rows(IDS))
    np.testing.assert_array_equal(rows, EMBED.rows(IDS, [0, 0, 0, 0]))


def test_other_types_add_their_difference() -> None:
    assert EMBED.types is not None
    exact = EMBED.word[IDS].astype(np.float64) * EMBED.word_scale[IDS, np.newaxis] + EMBED.position[:4]
    exact[1] += EMBED.types.difference[0]
    exact[3] += EMBED.types.difference[1]
    assert np.abs(EMBED.rows(IDS, [0, 1, 0, 2]) - exact).max() <= 0.51


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ([0, 1, 0, 3], "token types must be from 0 to 2, as the model has, not 3"),
        ([0, -1, 0, 0], "token types must be from 0 to 2"),
        ([1], r"there must be a type for each of 4 ids, not an array of shape \(1,\)"),
    ],
)
def test_types_that_there_are_not_are_refused(types: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EMBED.rows(IDS, types)
