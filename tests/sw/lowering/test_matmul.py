"""Programs of matrix products."""

import numpy as np
import pytest

from sim import open_device
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode, Gemm, Stream
from spec.rules import check
from sw.lowering import MatmulLowering, lower_matmul


@pytest.mark.parametrize("unsigned", [False, True])
def test_random_products_on_random_arrays(unsigned: bool) -> None:
    for seed in range(25):
        rng = np.random.default_rng(seed)
        config = AcceleratorConfig(
            rows=int(rng.integers(1, 9)),
            cols=int(rng.integers(1, 9)),
            acc_depth=int(rng.choice([4, 8, 64])),
            scratchpad_kib=int(rng.choice([1, 2, 16])),
            scratchpad_banks=int(rng.choice([1, 2, 4, 5])),
            param_words=4,
            bus_bytes=int(rng.choice([4, 8, 16, 32])),
            queue_depth=int(rng.choice([2, 4, 8])),
        )
        m, n = (int(v) for v in rng.integers(1, 40, 2))
        k = int(rng.choice([rng.integers(1, 40), rng.integers(1000, 3000)]))
        a = (
            rng.integers(0, 256, (m, k)).astype(np.uint8)
            if unsigned
            else rng.integers(-128, 128, (m, k)).astype(np.int8)
        )
        b = rng.integers(-128, 128, (k, n)).astype(np.int8)
        product = MatmulLowering(config, m, n, k, a_unsigned=unsigned)
        assert all(check(config, i)[0] == ErrorCode.NONE for i in product.program)
        result = product.unpack(open_device("model", config).run(product.program, product.pack(a, b)).outputs["c"])
        np.testing.assert_array_equal(result, a.astype(np.int32) @ b.astype(np.int32), err_msg=f"seed {seed}")


def test_one_gemm_and_one_stream_when_everything_fits() -> None:
    instructions = list(lower_matmul(AcceleratorConfig(), 512, 1000, 100))
    assert sum(isinstance(i, Gemm) for i in instructions) == 1
    assert sum(isinstance(i, Stream) for i in instructions) == 1


def test_streams_longer_than_their_count_are_split_at_bus_words() -> None:
    config = AcceleratorConfig(rows=1, cols=1)
    streams = [i for i in list(lower_matmul(config, 1, 5000, 4000)) if isinstance(i, Stream)]
    assert [s.count for s in streams] == [(1 << 24) - 16, 5000 * 4000 - (1 << 24) + 16]
    assert streams[1].mem_addr == streams[0].mem_addr + streams[0].count


def test_useful_macs() -> None:
    assert lower_matmul(AcceleratorConfig(), 3, 5, 7).macs == 105


@pytest.mark.parametrize(
    ("size", "unsigned", "message"),
    [
        ((0, 1, 1), False, "m, n and k must be at least 1, not 0, 1 and 1"),
        ((1, 1, 131_072), False, "k must be at most 131071 for int8 times int8, or int32 overflows, not 131072"),
        ((1, 1, 65_794), True, "k must be at most 65793 for uint8 times int8, or int32 overflows, not 65794"),
        ((1, 1 << 20, 100_000), False, "the operands must fit 4 GiB, not take 10486"),
    ],
)
def test_sizes_are_checked(size: tuple[int, int, int], unsigned: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lower_matmul(AcceleratorConfig(), *size, a_unsigned=unsigned)
