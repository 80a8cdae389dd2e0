"""Parameter records: bits in their places, signs, and back again."""

import numpy as np
import pytest

from spec.param_record import PARAM_BITS, RECORD_BYTES, pack_records, unpack_records


@pytest.mark.parametrize(
    ("numbers", "word"),
    [
        ({"bias": 1}, 1),
        ({"mul": 1}, 1 << 28),
        ({"mul2": 1}, 1 << 46),
        ({"bias": -1}, (1 << 28) - 1),
        ({"mul": -1}, ((1 << 18) - 1) << 28),
        ({"mul2": -(1 << 17)}, 1 << 63),
        ({"bias": (1 << 27) - 1, "mul": 3, "mul2": -2}, (1 << 27) - 1 | 3 << 28 | ((1 << 18) - 2) << 46),
    ],
)
def test_places(numbers: dict[str, int], word: int) -> None:
    assert pack_records(**numbers).tobytes() == word.to_bytes(RECORD_BYTES, "little")


def test_one_number_goes_with_many() -> None:
    bias = np.array([5, -6, 7])
    assert pack_records(bias=bias, mul2=2).tobytes() == b"".join(pack_records(bias=b, mul2=2).tobytes() for b in bias)


def test_unpacks_what_was_packed() -> None:
    rng = np.random.default_rng(5)
    numbers = {name: rng.integers(-1 << (bits - 1), 1 << (bits - 1), 200) for name, bits in PARAM_BITS.items()}
    for name, bits in PARAM_BITS.items():
        numbers[name][:2] = -1 << (bits - 1), (1 << (bits - 1)) - 1
    records = pack_records(**numbers).view("<u8")
    for name, found in zip(PARAM_BITS, unpack_records(records), strict=True):
        np.testing.assert_array_equal(found, numbers[name])
    lanes = unpack_records(records.reshape(50, 4))
    np.testing.assert_array_equal(lanes[1], numbers["mul"].reshape(50, 4))
