"""Matrix products on a device have NumPy's semantics."""

from typing import Any

import numpy as np
import pytest

from sim import open_device
from spec.config import AcceleratorConfig
from sw.apps.matmul import matmul


def test_matches_numpy_at_the_corners() -> None:
    device = open_device("model", AcceleratorConfig(rows=3, cols=5, scratchpad_kib=1))
    for a in (np.full((4, 300), -128, np.int8), np.full((4, 300), 127, np.int8), np.full((4, 300), 255, np.uint8)):
        for b in (np.full((300, 7), -128, np.int8), np.full((300, 7), 127, np.int8)):
            result = matmul(a, b, device)
            assert result.dtype == np.int32
            np.testing.assert_array_equal(result, a.astype(np.int32) @ b.astype(np.int32))


def test_longest_sums_do_not_overflow() -> None:
    longest = np.full((1, 131_071), -128, np.int8)
    assert matmul(longest, longest.T)[0, 0] == 131_071 << 14
    unsigned = np.full((1, 65_793), 255, np.uint8)
    assert matmul(unsigned, np.full((65_793, 1), -128, np.int8))[0, 0] == -255 * 128 * 65_793


@pytest.mark.parametrize(("m", "k", "n"), [(0, 3, 2), (2, 0, 3), (2, 3, 0), (0, 0, 0)])
def test_empty_operands(m: int, k: int, n: int) -> None:
    result = matmul(np.zeros((m, k), np.int8), np.zeros((k, n), np.int8))
    assert result.shape == (m, n)
    assert not result.any()


@pytest.mark.parametrize(
    ("a", "b", "error", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2), np.int8), TypeError, "a must be int8 or uint8, not float64"),
        (np.zeros((2, 3), np.int8), np.zeros((3, 2), np.uint8), TypeError, "b must be int8, not uint8"),
        (
            np.zeros((2, 3), np.int8),
            np.zeros((2, 3), np.int8),
            ValueError,
            r"a and b must be \[M, K\] and \[K, N\], not \[2, 3\] and \[2, 3\]",
        ),
        (np.zeros(3, np.int8), np.zeros((3, 2), np.int8), ValueError, r"not \[3\] and \[3, 2\]"),
        (np.zeros((1, 131_072), np.int8), np.zeros((131_072, 1), np.int8), ValueError, "k must be at most 131071"),
    ],
)
def test_operands_are_checked(a: Any, b: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        matmul(a, b)
