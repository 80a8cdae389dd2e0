"""DRAIN: destinations, parameter modes, second stage, tables and statistics, against plain NumPy."""

import numpy as np
import pytest

from spec import arithmetic
from spec.isa import Destination, Drain, Gemm, LoadTarget, ParamMode, SecondStage, Stats, Sweep, SweepKind
from tests.conformance.assembler import Assembler, dense, read_scratchpad, read_vector, undense

M = 5
A_ADDR = 0
PARAM_ADDR = 2
DEST = 20
INT16 = {"clip_low": -(1 << 15), "clip_high": (1 << 15) - 1}
INT8 = {"clip_low": -127, "clip_high": 127}


class Product:
    """A product of random matrices, and random parameters of one mode."""

    def __init__(self, device, rng, *, n, mode=ParamMode.COLUMN, extreme=False):
        self.config = config = device.config
        self.device, self.n, self.mode = device, n, mode
        self.asm = Assembler(config)
        a = rng.integers(-128, 128, (M, 2 * config.rows))
        b = rng.integers(-128, 128, (n, 2 * config.rows))
        self.acc = a @ b.T
        words = {ParamMode.COLUMN: -(-n // config.lanes), ParamMode.ROW: M, ParamMode.FIXED: 1}[mode]
        shape = (words, config.lanes)
        self.records = {
            "bias": rng.integers(-(1 << 16), 1 << 16, shape),
            "mul": rng.integers(-(1 << 17), 1 << 17, shape),
            "mul2": rng.integers(-(1 << 17), 1 << 17, shape),
        }
        if extreme:
            self.records["bias"] = rng.choice([-(1 << 27), (1 << 27) - 1], shape)
            self.records["mul"] = rng.choice([-(1 << 17), (1 << 17) - 1, 0, 1, -1], shape)
        self.fields = {"param_mode": mode, "param_addr": PARAM_ADDR}
        k_tiles = self.asm.load_operand(A_ADDR, a)
        self.asm.load_params(PARAM_ADDR, **{name: values.reshape(-1) for name, values in self.records.items()})
        self.asm.stream(b)
        self.asm.add(Gemm(m=M, n=n, k_tiles=k_tiles, a_addr=A_ADDR, a_stride=k_tiles, clear=1, release=1))

    def param(self, name, n=None):
        """Return what goes with each value: ``[m, n]``."""
        n = n or self.n
        values = self.records[name]
        if self.mode == ParamMode.COLUMN:
            return np.tile(values.reshape(-1)[:n], (M, 1))
        repeated = np.tile(values, -(-n // self.config.lanes))[:, :n]
        return np.broadcast_to(repeated, (M, n))

    def first_stage(self, pre_shift, shift):
        return arithmetic.requantize(self.acc + self.param("bias"), pre_shift, self.param("mul"), shift)

    def drain(self, dest, *, dest_stride=None, **fields):
        """Append the DRAIN, rows from DEST on, dense by default; return words of a row."""
        unit = self.config.rows if dest == Destination.SCRATCHPAD else self.config.lanes
        words = -(-self.n // unit)
        stride = words if dest_stride is None else dest_stride
        self.asm.add(Drain(m=M, n=self.n, dest=dest, dest_addr=DEST, dest_stride=stride, **self.fields, **fields))
        return words

    def run(self):
        self.asm.dump_scratchpad("scratchpad", 31)
        self.asm.dump_vector("vector", 31)
        outputs = self.device.run(self.asm.program(), {}).outputs
        self.outputs = outputs
        self.scratchpad = read_scratchpad(self.config, outputs, "scratchpad")
        self.vector = read_vector(self.config, outputs, "vector")

    def rows(self, memory, words, dest=DEST):
        """Return the values ``[m, n]`` of dense rows."""
        return memory[dest : dest + M * words].reshape(M, -1)[:, : self.n]


def widths(config):
    return {"narrow": 1, "tile": config.cols, "wide": 2 * config.cols + 1}


@pytest.mark.parametrize("width", ["narrow", "tile", "wide"])
@pytest.mark.parametrize("mode", list(ParamMode))
def test_int8_results(device, rng, mode, width):
    product = Product(device, rng, n=widths(device.config)[width], mode=mode)
    words = product.drain(Destination.SCRATCHPAD, pre_shift=2, shift=20, **INT8)
    product.run()
    expected = np.clip(product.first_stage(2, 20), -127, 127)
    np.testing.assert_array_equal(product.rows(product.scratchpad, words), expected)


@pytest.mark.parametrize("width", ["narrow", "tile", "wide"])
@pytest.mark.parametrize("mode", list(ParamMode))
def test_int16_results(device, rng, mode, width):
    product = Product(device, rng, n=widths(device.config)[width], mode=mode)
    words = product.drain(Destination.VECTOR, pre_shift=0, shift=14, **INT16)
    product.run()
    expected = np.clip(product.first_stage(0, 14), -(1 << 15), (1 << 15) - 1)
    np.testing.assert_array_equal(product.rows(product.vector, words), expected)


@pytest.mark.parametrize("width", ["narrow", "tile", "wide"])
@pytest.mark.parametrize("mode", list(ParamMode))
def test_sums_to_memory_are_dense_and_whole_chunks(device, rng, mode, width):
    n, lanes = widths(device.config)[width], device.config.lanes
    product = Product(device, rng, n=n, mode=mode)
    product.asm.drain_to_memory("sums", M, n, **product.fields)
    product.run()
    padded = -(-n // lanes) * lanes
    acc = np.zeros((M, padded), np.int64)
    acc[:, :n] = product.acc
    np.testing.assert_array_equal(product.outputs["sums"], dense(device.config, acc + product.param("bias", padded)))


@pytest.mark.parametrize("dest", [Destination.SCRATCHPAD, Destination.VECTOR])
def test_columns_at_or_beyond_n_keep_what_was_there(device, rng, dest):
    config = device.config
    product = Product(device, rng, n=config.cols + 1)
    before8 = rng.integers(-128, 128, (config.scratchpad_words - DEST, config.rows)).astype(np.int8)
    before16 = rng.integers(-(1 << 15), 1 << 15, (config.vector_words, config.lanes)).astype(np.int16)
    product.asm.load(LoadTarget.SCRATCHPAD, DEST, before8, len(before8))
    product.asm.load(LoadTarget.VECTOR, 0, before16, len(before16))
    stride = -(-product.n // (config.rows if dest == Destination.SCRATCHPAD else config.lanes)) + 1
    product.drain(dest, dest_stride=stride, shift=18, **INT8)
    product.run()
    results = np.clip(product.first_stage(0, 18), -127, 127)
    expected8, expected16 = before8, before16[DEST:]
    for m in range(M):
        target = (expected8 if dest == Destination.SCRATCHPAD else expected16)[m * stride :]
        target.reshape(-1)[: product.n] = results[m]
    np.testing.assert_array_equal(product.scratchpad[DEST:], expected8)
    np.testing.assert_array_equal(product.vector[DEST:], expected16)


@pytest.mark.parametrize("dest", [Destination.SCRATCHPAD, Destination.VECTOR])
def test_where_rows_overlap_the_last_row_stays(device, rng, dest):
    product = Product(device, rng, n=device.config.cols)
    words = product.drain(dest, shift=18, dest_stride=0, **INT8)
    product.run()
    memory = product.scratchpad if dest == Destination.SCRATCHPAD else product.vector
    expected = np.clip(product.first_stage(0, 18), -127, 127)[-1]
    np.testing.assert_array_equal(memory[DEST : DEST + words].reshape(-1)[: product.n], expected)


@pytest.mark.parametrize("in_place", [False, True])
def test_residual(device, rng, in_place):
    config = device.config
    product = Product(device, rng, n=config.cols + 1)
    residual = rng.integers(-(1 << 15), 1 << 15, (M, product.n)).astype(np.int16)
    residual[0] = rng.choice([-(1 << 15), (1 << 15) - 1], product.n)
    addr = DEST if in_place else DEST + 7 * -(-product.n // config.lanes)
    words = product.asm.load_vector(addr, residual)
    product.drain(
        Destination.VECTOR,
        pre_shift=1,
        shift=15,
        second=SecondStage.RESIDUAL,
        second_shift=15,
        res_addr=addr,
        res_stride=words,
        **INT16,
    )
    product.run()
    scaled = arithmetic.saturate(arithmetic.round_shift(residual * product.param("mul2"), 15), 18)
    expected = np.clip(product.first_stage(1, 15) + scaled, -(1 << 15), (1 << 15) - 1)
    np.testing.assert_array_equal(product.rows(product.vector, words), expected)


def test_second_scale(device, rng):
    product = Product(device, rng, n=device.config.cols + 1)
    words = product.drain(
        Destination.VECTOR, shift=12, second=SecondStage.SCALE, second_shift=17, clip_low=-20000, clip_high=30000
    )
    product.run()
    scaled = arithmetic.round_shift(product.first_stage(0, 12) * product.param("mul2"), 17)
    expected = np.clip(arithmetic.saturate(scaled, 18), -20000, 30000)
    np.testing.assert_array_equal(product.rows(product.vector, words), expected)


@pytest.mark.parametrize("shift", [0, 31])
@pytest.mark.parametrize("pre_shift", [0, 31])
def test_extreme_shifts_and_multipliers(device, rng, pre_shift, shift):
    product = Product(device, rng, n=device.config.cols, extreme=True)
    words = product.drain(Destination.VECTOR, pre_shift=pre_shift, shift=shift, **INT16)
    product.run()
    expected = np.clip(product.first_stage(pre_shift, shift), -(1 << 15), (1 << 15) - 1)
    np.testing.assert_array_equal(product.rows(product.vector, words), expected)


@pytest.mark.parametrize("dest", [Destination.SCRATCHPAD, Destination.VECTOR])
@pytest.mark.parametrize("clip", [(0, 2047), (-3000, 3000)])
def test_table(device, rng, dest, clip):
    config = device.config
    product = Product(device, rng, n=config.cols + 1)
    entries = rng.integers(0, 256, 2048).astype(np.uint8)
    product.asm.load(LoadTarget.TABLE, (config.tables - 1) * 256, entries, 256)
    words = product.drain(dest, shift=17, table_enable=1, table=config.tables - 1, clip_low=clip[0], clip_high=clip[1])
    product.run()
    expected = entries[np.clip(product.first_stage(0, 17), *clip) & 2047]
    memory = product.scratchpad.view(np.uint8) if dest == Destination.SCRATCHPAD else product.vector
    np.testing.assert_array_equal(product.rows(memory, words), expected)


def test_one_gemm_may_have_a_drain_for_each_tile(device, rng):
    config = device.config
    product = Product(device, rng, n=2 * config.cols)
    common = {"m": M, "n": config.cols, "dest_stride": config.chunks_per_tile, "dest": Destination.VECTOR, **INT16}
    second_dest = DEST + M * config.chunks_per_tile
    product.asm.add(
        Drain(dest_addr=DEST, shift=15, param_addr=PARAM_ADDR, **common),
        Drain(dest_addr=second_dest, shift=18, param_addr=PARAM_ADDR + config.chunks_per_tile, **common),
    )
    product.run()
    first, second = (product.vector[a:][: M * config.chunks_per_tile].reshape(M, -1) for a in (DEST, second_dest))
    np.testing.assert_array_equal(
        first, np.clip(product.first_stage(0, 15), -(1 << 15), (1 << 15) - 1)[:, : config.cols]
    )
    np.testing.assert_array_equal(
        second, np.clip(product.first_stage(0, 18), -(1 << 15), (1 << 15) - 1)[:, config.cols :]
    )


def test_maxima_feed_softmax_and_its_reciprocals_the_next_drain(device, rng):
    """Scores in two DRAINs of half the columns each, SOFTMAX, then a product of the numerators, scaled by rows."""
    config = device.config
    n = 2 * config.cols
    product = Product(device, rng, n=n)
    table = np.round(255 * np.exp(-np.arange(2048) / 256)).astype(np.uint8)
    product.asm.load(LoadTarget.TABLE, 0, table, 256)
    stats_addr = 1
    stats = {"stats": Stats.MAX, "stats_addr": stats_addr}
    words = n // config.lanes
    for half in range(2):
        product.asm.add(
            Drain(
                m=M,
                n=config.cols,
                dest=Destination.VECTOR,
                dest_addr=DEST + half * config.chunks_per_tile,
                dest_stride=words,
                shift=17,
                param_addr=PARAM_ADDR + half * config.chunks_per_tile,
                stats_first=int(half == 0),
                **stats,
                **INT16,
            )
        )
    p_words = -(-n // config.rows)
    sweep = {"src_addr": DEST, "src_stride": words, "dest_addr": DEST, "dest_stride": p_words}
    product.asm.add(Sweep(kind=SweepKind.SOFTMAX, m=M, n=n, stats_addr=stats_addr, **sweep))
    values = rng.integers(-128, 128, (config.cols, n))
    product.asm.stream(values)
    product.asm.add(
        Gemm(m=M, n=config.cols, k_tiles=p_words, a_addr=DEST, a_stride=p_words, a_unsigned=1, clear=1, release=1)
    )
    product.asm.load_broadcast(30, mul2=70000)
    context_addr = DEST + M * words
    product.asm.add(
        Drain(
            m=M,
            n=config.cols,
            dest=Destination.VECTOR,
            dest_addr=context_addr,
            dest_stride=config.chunks_per_tile,
            param_mode=ParamMode.FIXED,
            param_addr=30,
            row_scale=1,
            stats_addr=stats_addr,
            second=SecondStage.SCALE,
            second_shift=16,
            **INT16,
        )
    )
    product.run()
    scores = np.clip(product.first_stage(0, 17), -(1 << 15), (1 << 15) - 1)
    numerators = table[arithmetic.softmax_index(scores, scores.max(axis=1, keepdims=True))].astype(np.int64)
    mul, total, _ = arithmetic.reciprocal_scalars(numerators.sum(axis=1))
    pre_shift, shift = arithmetic.row_shifts(total[:, None])
    scaled = arithmetic.requantize(numerators @ values.T, pre_shift, mul[:, None], shift)
    expected = np.clip(arithmetic.round_shift(scaled * 70000, 16), -(1 << 15), (1 << 15) - 1)
    context = product.vector[context_addr:][: M * config.chunks_per_tile].reshape(M, -1)
    np.testing.assert_array_equal(product.rows(product.vector, words), scores)
    np.testing.assert_array_equal(context, expected)


@pytest.mark.parametrize("parts", [1, 2])
def test_moments_of_a_drain_feed_layernorm(device, rng, parts):
    config = device.config
    n = 2 * config.cols
    product = Product(device, rng, n=n)
    words, stats_addr, width = n // config.lanes, config.acc_depth - M, n // parts
    for part in range(parts):
        product.asm.add(
            Drain(
                m=M,
                n=width,
                dest=Destination.VECTOR,
                dest_addr=DEST + part * width // config.lanes,
                dest_stride=words,
                shift=15,
                param_addr=PARAM_ADDR + part * width // config.lanes,
                stats=Stats.MOMENTS,
                stats_first=int(part == 0),
                stats_last=int(part == parts - 1),
                stats_addr=stats_addr,
                row_length=n,
                **INT16,
            )
        )
    sweep = {"src_addr": DEST, "src_stride": words, "dest_addr": DEST, "dest_stride": -(-n // config.rows)}
    product.asm.add(
        Sweep(
            kind=SweepKind.LAYERNORM,
            m=M,
            n=n,
            param_addr=PARAM_ADDR,
            second_shift=19,
            stats_addr=stats_addr,
            **sweep,
            **INT8,
        )
    )
    product.run()
    x = np.clip(product.first_stage(0, 15), -(1 << 15), (1 << 15) - 1)
    mul, total, mean = (s[:, None] for s in arithmetic.layernorm_scalars(x.sum(axis=1), (x * x).sum(axis=1), n))
    h = arithmetic.normalize(x, mean, mul, total)
    expected = arithmetic.scale_row(h, product.param("mul2"), product.param("bias"), 19, -127, 127)
    np.testing.assert_array_equal(product.rows(product.vector, words), h)
    np.testing.assert_array_equal(product.rows(product.scratchpad, -(-n // config.rows)), expected)


def test_parameters_of_a_row_are_found_by_row(device, rng):
    """A bias per row reaches every column: roles of A and B are swapped for the value matrix."""
    config = device.config
    asm = Assembler(config)
    bias = rng.integers(-1000, 1000, M)
    asm.load_broadcast(4, bias=bias)
    asm.stream(np.zeros((config.cols, config.rows), np.int8))
    asm.add(Gemm(m=M, n=config.cols, k_tiles=1, a_stride=1, clear=1, release=1))
    asm.drain_to_memory("c", M, config.cols, param_mode=ParamMode.ROW, param_addr=4)
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(undense(config, outputs["c"], M, config.cols), np.tile(bias[:, None], config.cols))
