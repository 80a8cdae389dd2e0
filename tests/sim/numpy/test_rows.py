import numpy as np

from sim.numpy.rows import row_view, store_rows


def test_row_view_shares_the_memory():
    memory = np.arange(20, dtype=np.int16)
    view = row_view(memory, 2, 3, 5, 4)
    np.testing.assert_array_equal(view, [[2, 3, 4, 5], [7, 8, 9, 10], [12, 13, 14, 15]])
    view[1, 0] = -1
    assert memory[7] == -1


def test_rows_may_overlap_when_read():
    np.testing.assert_array_equal(row_view(np.arange(6, dtype=np.uint8), 1, 3, 1, 2), [[1, 2], [2, 3], [3, 4]])


def test_overlapping_rows_are_stored_block_by_block():
    values = np.arange(1, 13, dtype=np.uint8).reshape(3, 4)
    memory = np.zeros(8, np.uint8)
    expected = memory.copy()
    store_rows(memory, 1, 1, values, 2)
    for column in (0, 2):
        for row in range(3):
            expected[1 + row + column : 1 + row + column + 2] = values[row, column : column + 2]
    np.testing.assert_array_equal(memory, expected)
