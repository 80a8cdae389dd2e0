"""int8 codes of LayerNorm outputs, with slots for outlier channels."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spec.arithmetic import scale_row
from sw.families.real import RealLinear, RealNorm
from sw.network.norm import Norm
from sw.quantizer.norm import quantize_norm
from sw.quantizer.operand import Operand
from sw.quantizer.statistics import Statistics

WIDTH = 24


def made(slots: int, outlier: float) -> tuple[RealNorm, NDArray[np.float32], Norm, Operand]:
    """A norm, rows that enter it, and both quantized; channel 5 is larger than the others."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (400, WIDTH)).astype(np.float32)
    rows[::50, 5] *= outlier
    gamma, beta = rng.uniform(0.2, 2, WIDTH).astype(np.float32), rng.normal(0, 1, WIDTH).astype(np.float32)
    norm = RealNorm(name="norm", gamma=gamma, beta=beta, epsilon=1e-12)
    statistics = Statistics(rows_per_text=400)
    statistics("norm", rows)
    weight = rng.normal(0, 1, (8, WIDTH)).astype(np.float32)
    consumer = RealLinear(name="consumer", weight=weight, bias=np.zeros(8, np.float32))
    return norm, rows, *quantize_norm(norm, statistics, [consumer], slots)


def codes(norm: Norm, rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """What the device makes of normalised rows."""
    h = np.rint(rows * 1024).astype(np.int64)
    channel = np.concatenate([np.arange(h.shape[1]), norm.slot_channel])
    g, b = np.concatenate([norm.g, norm.slot_g]), np.concatenate([norm.b, norm.slot_b])
    return scale_row(h[:, channel], g.astype(np.int64), b.astype(np.int64), norm.shift, -127, 127)


def error(slots: int, outlier: float) -> NDArray[np.float64]:
    """Root mean square error of each channel, after the consumer's bias has taken up the means."""
    norm, rows, integers, operand = made(slots, outlier)
    found = codes(integers, rows).astype(np.float64)
    total = found[:, :WIDTH].copy()
    np.add.at(total.T, integers.slot_channel, found[:, WIDTH:].T)
    mean = operand.code_mean[:WIDTH].copy()
    np.add.at(mean, integers.slot_channel, operand.code_mean[WIDTH:])
    real = rows * norm.gamma + norm.beta
    return np.sqrt((((total - mean) * operand.scale + operand.mean - real) ** 2).mean(0))


@pytest.mark.parametrize("slots", [0, 4, 16])
def test_error_is_little_more_than_that_of_rounding(slots: int) -> None:
    operand = made(slots, 1)[3]
    assert np.sqrt(np.square(error(slots, 1) / operand.scale).mean()) < 1.5 / np.sqrt(12)


def test_slots_go_to_the_outlier_channel_and_make_all_finer() -> None:
    integers = made(4, 6)[2]
    assert 1 <= (integers.slot_channel == 5).sum() <= 4
    assert error(4, 6).max() < 0.6 * error(0, 6).max()


def test_pieces_of_a_channel_add_up_to_its_code() -> None:
    """Hermite's identity: the sum of floor((y + i) / n) is y."""
    _, rows, integers, _ = made(4, 6)
    channels, counts = np.unique(integers.slot_channel, return_counts=True)
    found = codes(integers, rows)
    for channel, count in zip(channels, counts, strict=True):
        pieces = np.concatenate([found[:, [channel]], found[:, WIDTH:][:, integers.slot_channel == channel]], axis=1)
        assert (np.ptp(pieces, axis=1) <= 1).all()
        n = int(count) + 1
        # g and b are those of y divided by n, to within the rounding of their last bit.
        b = (integers.b[channel] / 2.0**integers.shift - 0.5 / n + 0.5) * n
        y = np.floor(np.rint(rows[:, channel] * 1024) * integers.g[channel] * n / 2.0**integers.shift + b + 0.5)
        inside = np.abs(y) < 127 * n
        assert (np.abs(pieces.sum(1) - y)[inside] <= 1).all()
        assert (pieces.sum(1) == y)[inside].mean() > 0.99


def test_code_means_are_those_of_the_device() -> None:
    _, rows, integers, operand = made(4, 6)
    np.testing.assert_allclose(codes(integers, rows).mean(0), operand.code_mean, atol=0.05)


def test_channel_without_gamma_is_constant() -> None:
    rows = np.random.default_rng(0).normal(0, 1, (50, 4)).astype(np.float32)
    gamma, beta = np.array([0, 1, 1, 1], np.float32), np.array([3, 0, 0, 0], np.float32)
    norm = RealNorm(name="norm", gamma=gamma, beta=beta, epsilon=1e-12)
    statistics = Statistics()
    statistics("norm", rows)
    consumer = RealLinear(name="consumer", weight=np.ones((2, 4), np.float32), bias=np.zeros(2, np.float32))
    integers, operand = quantize_norm(norm, statistics, [consumer], 2)
    assert np.ptp(codes(integers, rows)[:, 0]) == 0
    assert operand.mean[0] == pytest.approx(3)
