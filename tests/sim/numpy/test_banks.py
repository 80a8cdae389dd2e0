import numpy as np

from sim.numpy.banks import Banks
from spec.config import AcceleratorConfig

CONFIG = AcceleratorConfig(rows=2, cols=2, acc_depth=8, acc_banks=2)


def tile(m, value, tiles=1):
    return np.full((m, 2 * tiles), value, np.int32)


def test_tiles_come_back_in_order_side_by_side():
    banks = Banks(CONFIG)
    sums = np.arange(24, dtype=np.int32).reshape(3, 8)
    banks.fill(sums, release=True)
    np.testing.assert_array_equal(banks.take(3, 3), sums[:, :6])
    np.testing.assert_array_equal(banks.take(1, 3), sums[:, 6:])


def test_a_bank_is_current_until_it_is_released():
    banks = Banks(CONFIG)
    banks.fill(tile(3, 5), release=False)
    np.testing.assert_array_equal(banks.current(2), tile(2, 5))
    banks.fill(tile(3, 6), release=True)
    np.testing.assert_array_equal(banks.current(2), tile(2, 0))
    np.testing.assert_array_equal(banks.take(1, 3), tile(3, 6))


def test_longer_tiles_show_below_shorter_ones_of_the_same_bank():
    banks = Banks(CONFIG)
    for m, value in ((6, 1), (6, 2), (4, 3), (4, 4), (2, 5)):
        banks.fill(tile(m, value), release=True)
    banks.take(4, 4)
    expected = np.repeat([5, 3, 1, 0], 2)[:, None] * np.ones((1, 2), np.int32)
    np.testing.assert_array_equal(banks.take(1, 8), expected)
