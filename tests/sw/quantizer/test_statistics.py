"""Extremes are those of all rows, samples are some of them."""

import numpy as np

from sw.quantizer.statistics import Statistics


def test_extremes_and_samples() -> None:
    rng = np.random.default_rng(0)
    texts = [rng.normal(0, 1, (length, 5)).astype(np.float32) for length in (3, 10, 50)]
    statistics = Statistics(rows_per_text=8)
    for rows in texts:
        statistics("x", rows)
    everything = np.concatenate(texts)
    np.testing.assert_array_equal(statistics.low("x"), everything.min(0))
    np.testing.assert_array_equal(statistics.high("x"), everything.max(0))
    assert statistics.magnitude("x") == np.abs(everything).max()
    sample = statistics.sample("x")
    assert sample.shape == (3 + 8 + 8, 5)
    assert {tuple(row) for row in sample} <= {tuple(row) for row in everything}


def test_samples_repeat() -> None:
    rows = np.arange(100, dtype=np.float32).reshape(50, 2)
    made = []
    for _ in range(2):
        statistics = Statistics(rows_per_text=4)
        statistics("x", rows)
        made.append(statistics.sample("x"))
    np.testing.assert_array_equal(*made)
