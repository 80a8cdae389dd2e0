"""What becomes of a matrix's sums."""

import numpy as np

from sw.network.arrays import Flow, Widths
from sw.network.linear import Linear, Rows


def test_rows_and_their_codes_come_from_the_same_sums() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-127, 128, (5, 7)).astype(np.int8)
    bias, other = (rng.integers(-5000, 5000, 5).astype(np.int32) for _ in range(2))
    big, small = np.full(5, 60000, np.int32), np.full(5, -9, np.int32)
    linear = Linear(
        name="projection",
        weight=weight,
        bias=bias,
        mul=big,
        pre_shift=0,
        shift=14,
        then=Rows(bias=other, mul=small, pre_shift=2, shift=9),
    )
    codes = rng.integers(-127, 128, (40, 7))
    seen = {}
    made = linear.run(Flow(rows=codes[:, :2], codes=codes), range(40), seen.__setitem__)
    sums = codes @ weight.T.astype(np.int64)
    rows = np.clip(np.floor((sums + bias) * 60000 / 2**14 + 0.5), -(2**17), 2**17 - 1)
    np.testing.assert_array_equal(made.rows, np.clip(rows, -(2**15), 2**15 - 1))
    assert np.abs(rows).max() > 2**15
    coarse = np.floor((sums + other) / 4 + 0.5)
    np.testing.assert_array_equal(made.operand, np.clip(np.floor(coarse * -9 / 2**9 + 0.5), -127, 127))
    np.testing.assert_array_equal(seen["projection"], made.rows)
    assert linear.widths(Widths(rows=2, channels=7)) == Widths(rows=5, normalised=True, channels=5)
