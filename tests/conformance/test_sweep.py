"""SWEEP: every kind on loaded rows, against plain NumPy."""

import numpy as np
import pytest

from spec import arithmetic
from spec.isa import LoadTarget, Sweep, SweepKind
from tests.conformance.assembler import Assembler, read_scratchpad, read_vector

M = 5
SOURCE = 6
DEST = 9
PARAM_ADDR = 3
INT8 = {"clip_low": -127, "clip_high": 127}


class Rows:
    """Random int16 rows in the vector memory, and random bytes all over the scratchpad."""

    def __init__(self, device, rng, n, *, spread=8000, gap=0):
        self.config = config = device.config
        self.device, self.n = device, n
        self.asm = Assembler(config)
        self.words = -(-n // config.lanes) + gap
        self.out_words = -(-n // config.rows) + gap
        x = np.clip(rng.normal(0, spread, (M, self.words * config.lanes)), -(1 << 15), (1 << 15) - 1)
        x[-1, ::2], x[-1, 1::2] = -(1 << 15), (1 << 15) - 1
        self.all = x.astype(np.int16)
        self.x = self.all[:, :n].astype(np.int64)
        self.asm.load_vector(SOURCE, self.all)
        self.before = rng.integers(-128, 128, (config.scratchpad_words, config.rows)).astype(np.int8)
        self.asm.load(LoadTarget.SCRATCHPAD, 0, self.before, len(self.before))
        shape = -(-n // config.lanes) * config.lanes
        self.bias = rng.integers(-(1 << 24), 1 << 24, shape)
        self.mul2 = rng.integers(-(1 << 17), 1 << 17, shape)
        self.asm.load_params(PARAM_ADDR, bias=self.bias, mul2=self.mul2)
        self.fields = {
            "m": M,
            "n": n,
            "src_addr": SOURCE,
            "src_stride": self.words,
            "dest_addr": DEST,
            "dest_stride": self.out_words,
            "param_addr": PARAM_ADDR,
        }

    def run(self):
        self.asm.dump_scratchpad("scratchpad", 31)
        self.asm.dump_vector("vector", 31)
        outputs = self.device.run(self.asm.program(), {}).outputs
        self.scratchpad = read_scratchpad(self.config, outputs, "scratchpad")
        self.vector = read_vector(self.config, outputs, "vector")

    def expect_scratchpad(self, results, *, whole_words=False):
        """Compare the scratchpad with ``results`` ``[m, n]``; what is between must be untouched."""
        expected = self.before.copy()
        for m in range(M):
            row = expected[DEST + m * self.out_words :]
            if whole_words:
                row[: -(-self.n // self.config.rows)] = 0
            row.reshape(-1)[: self.n] = results[m].astype(np.uint8).view(np.int8)
        np.testing.assert_array_equal(self.scratchpad, expected)

    def expect_rows(self, values):
        """Compare the vector memory with ``values`` ``[m, n]``; what is between must be untouched."""
        expected = np.zeros_like(self.vector)
        rows = expected[SOURCE : SOURCE + M * self.words].reshape(M, -1)
        rows[:] = self.all
        rows[:, : self.n] = values
        np.testing.assert_array_equal(self.vector, expected)


def scalars_of(x, length):
    return [s[:, None] for s in arithmetic.layernorm_scalars(x.sum(axis=1), (x * x).sum(axis=1), length)]


@pytest.fixture(params=["one", "word", "wide"])
def n(request, device):
    return {"one": 1, "word": device.config.rows, "wide": 2 * device.config.rows + 1}[request.param]


@pytest.mark.parametrize("gap", [0, 1])
def test_layernorm(device, rng, n, gap):
    rows = Rows(device, rng, n, gap=gap)
    length = max(n - 1, 1)  # statistics may be of other rows than those that are normalised
    rows.asm.add(
        Sweep(kind=SweepKind.MOMENTS, row_length=length, stats_addr=2, **{**rows.fields, "n": length}),
        Sweep(kind=SweepKind.LAYERNORM, second_shift=18, stats_addr=2, **rows.fields, **INT8),
    )
    rows.run()
    mul, total, mean = scalars_of(rows.x[:, :length], length)
    h = arithmetic.normalize(rows.x, mean, mul, total)
    rows.expect_rows(h)
    rows.expect_scratchpad(arithmetic.scale_row(h, rows.mul2[:n], rows.bias[:n], 18, -127, 127))


def test_rows_without_spread_or_with_little_are_normalised(device, rng):
    n = 2 * device.config.rows
    rows = Rows(device, rng, n, spread=1)
    rows.asm.add(
        Sweep(kind=SweepKind.MOMENTS, row_length=n, **rows.fields),
        Sweep(kind=SweepKind.LAYERNORM, second_shift=12, clip_low=-(1 << 15), clip_high=(1 << 15) - 1, **rows.fields),
    )
    rows.run()
    h = arithmetic.normalize(rows.x, *(scalars_of(rows.x, n)[i] for i in (2, 0, 1)))
    rows.expect_rows(h)
    scaled = arithmetic.scale_row(h, rows.mul2[:n], rows.bias[:n], 12, -(1 << 15), (1 << 15) - 1)
    rows.expect_scratchpad(scaled & 255)


@pytest.mark.parametrize("row_length", [1, 3, 8191])
def test_row_length_need_not_be_that_of_the_sweep(device, rng, row_length):
    n = device.config.rows + 1
    rows = Rows(device, rng, n)
    rows.asm.add(
        Sweep(kind=SweepKind.MOMENTS, row_length=row_length, **rows.fields),
        Sweep(kind=SweepKind.LAYERNORM, second_shift=18, **rows.fields, **INT8),
    )
    rows.run()
    mul, total, mean = scalars_of(rows.x, row_length)
    rows.expect_rows(arithmetic.normalize(rows.x, mean, mul, total))


def test_softmax_writes_whole_words(device, rng, n):
    """Maxima are zero as after reset: positive scores take the table's first entry."""
    config = device.config
    rows = Rows(device, rng, n, spread=1500)
    table = rng.integers(0, 256, 2048).astype(np.uint8)
    rows.asm.load(LoadTarget.TABLE, (config.tables - 1) * 256, table, 256)
    rows.asm.add(Sweep(kind=SweepKind.SOFTMAX, table=config.tables - 1, **rows.fields))
    rows.run()
    rows.expect_rows(rows.x)
    rows.expect_scratchpad(table[arithmetic.softmax_index(rows.x, np.int64(0))], whole_words=True)


def test_softmax_starts_the_reciprocals(device, rng):
    """LAYERNORM with the reciprocals of sums; a row whose sum is zero counts as one."""
    n = device.config.rows + 1
    rows = Rows(device, rng, n, spread=1500)
    table = rng.integers(0, 256, 2048).astype(np.uint8)
    table[0] = table[2047] = 0  # all that the last row takes
    rows.asm.load(LoadTarget.TABLE, 0, table, 256)
    rows.asm.add(
        Sweep(kind=SweepKind.SOFTMAX, **rows.fields),
        Sweep(kind=SweepKind.LAYERNORM, second_shift=18, **rows.fields, **INT8),
    )
    rows.run()
    sums = table[arithmetic.softmax_index(rows.x, np.int64(0))].sum(axis=1, dtype=np.int64)
    assert sums[-1] == 0
    mul, total, mean = (s[:, None] for s in arithmetic.reciprocal_scalars(sums))
    rows.expect_rows(arithmetic.normalize(rows.x, mean, mul, total))


def test_gather_scales_one_column_into_one_byte(device, rng):
    config = device.config
    n = config.lanes * 3
    rows = Rows(device, rng, n)
    lane, byte, word = config.lanes - 1, config.rows - 1, 1
    gather = rows.fields | {"n": 1, "src_addr": SOURCE + word, "dest_byte": byte, "src_lane": lane}
    rows.asm.add(
        Sweep(kind=SweepKind.MOMENTS, row_length=n, **rows.fields),
        Sweep(kind=SweepKind.GATHER, second_shift=18, **gather, **INT8),
    )
    rows.run()
    column = rows.x[:, word * config.lanes + lane]
    parameter = byte % config.lanes
    expected = rows.before.copy()
    expected[DEST + np.arange(M) * rows.out_words, byte] = arithmetic.scale_row(
        column, rows.mul2[parameter], rows.bias[parameter], 18, -127, 127
    )
    rows.expect_rows(rows.x)
    np.testing.assert_array_equal(rows.scratchpad, expected)


def test_a_normalised_row_can_be_scaled_again(device, rng):
    """K slots: GATHER reads what LAYERNORM has written in place, into a word behind the row."""
    config = device.config
    n = config.rows
    rows = Rows(device, rng, n, gap=1)
    gather = rows.fields | {"n": 1, "dest_addr": DEST + 1, "dest_byte": 0, "src_lane": 0}
    rows.asm.add(
        Sweep(kind=SweepKind.MOMENTS, row_length=n, **rows.fields),
        Sweep(kind=SweepKind.LAYERNORM, second_shift=18, **rows.fields, **INT8),
        Sweep(kind=SweepKind.GATHER, second_shift=16, **gather, **INT8),
    )
    rows.run()
    mul, total, mean = scalars_of(rows.x, n)
    h = arithmetic.normalize(rows.x, mean, mul, total)
    again = arithmetic.scale_row(h[:, 0], rows.mul2[0], rows.bias[0], 16, -127, 127)
    np.testing.assert_array_equal(rows.scratchpad[DEST + 1 + np.arange(M) * rows.out_words, 0], again)
