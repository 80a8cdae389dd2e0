"""Thresholds balance clipping against rounding."""

import numpy as np

from sw.quantizer.clipping import clip_thresholds


def error(values: np.ndarray, threshold: float) -> float:
    step = threshold / 127
    return float(((values - np.clip(np.rint(values / step), -127, 127) * step) ** 2).sum())


def test_values_of_a_few_codes_keep_their_range() -> None:
    values = np.array([[-1.0], [1.0], [0.5]], np.float32)
    assert clip_thresholds(values)[0] == 1.0


def test_a_lone_outlier_among_many_is_clipped() -> None:
    values = np.random.default_rng(0).normal(0, 1, (100_000, 2)).astype(np.float32)
    values[0, 1] = 12
    plain, clipped = clip_thresholds(values)
    assert 3 < plain <= np.abs(values[:, 0]).max() + 1e-6
    assert 3 < clipped < 9
    assert error(values[:, 1], clipped) < error(values[:, 1], 12)


def test_weight_says_which_errors_matter() -> None:
    values = np.random.default_rng(0).normal(0, 1, (20000, 1)).astype(np.float32)
    values[0] = 12
    weight = np.ones_like(values)
    weight[0] = 1e6
    assert clip_thresholds(values, weight)[0] > 11


def test_columns_of_zeros_have_a_threshold() -> None:
    assert clip_thresholds(np.zeros((4, 3), np.float32)).min() > 0
