"""Each rule for instructions, at the last value that is legal and the first that is not."""

from dataclasses import replace

import pytest

from spec.config import AcceleratorConfig
from spec.isa import (
    Destination,
    Drain,
    Engine,
    ErrorCode,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
)
from spec.operands import load_units
from spec.rules import check, check_raw

CONFIG = AcceleratorConfig(
    rows=6, cols=9, lanes=3, acc_depth=64, scratchpad_kib=7, scratchpad_banks=1, vector_kib=3, param_words=32, tables=3
)
"""1194 scratchpad words, 512 vector words, 32 parameter words."""

LEGAL = (ErrorCode.NONE, 0)
ILLEGAL_FIELD = (ErrorCode.ILLEGAL_FIELD, 0)
MEMORY_BYTES = 1 << 32

LOAD = Load(target=LoadTarget.SCRATCHPAD, count=1)
STREAM = Stream(count=1)
GEMM = Gemm(m=2, n=9, k_tiles=3)
DRAIN = Drain(m=2, n=9, dest=Destination.SCRATCHPAD)
VECTOR_DRAIN = replace(DRAIN, dest=Destination.VECTOR)
MEMORY_DRAIN = replace(DRAIN, dest=Destination.MEMORY)
MOMENTS = Sweep(kind=SweepKind.MOMENTS, m=2, n=9, row_length=9)
SOFTMAX = Sweep(kind=SweepKind.SOFTMAX, m=2, n=9)
LAYERNORM = Sweep(kind=SweepKind.LAYERNORM, m=2, n=9)
GATHER = Sweep(kind=SweepKind.GATHER, m=2, n=1)

ALL = (LOAD, STREAM, GEMM, DRAIN, VECTOR_DRAIN, MEMORY_DRAIN, MOMENTS, SOFTMAX, LAYERNORM, GATHER, Halt())
POST = tuple(i for i in ALL if i.engine is Engine.POST)


def out_of_range(addr: int) -> tuple[ErrorCode, int]:
    return ErrorCode.OUT_OF_RANGE, addr


def assert_limit(instruction: Instruction, field: str, last: int, step: int = 1, addr: int | None = None) -> None:
    """Check that ``last`` is the greatest legal value; beyond it, ``addr`` (by default the value) is out of range."""
    beyond = last + step
    assert check(CONFIG, replace(instruction, **{field: last})) == LEGAL
    assert check(CONFIG, replace(instruction, **{field: beyond})) == out_of_range(beyond if addr is None else addr)


def test_sizes_of_the_configuration() -> None:
    assert (CONFIG.scratchpad_words, CONFIG.vector_words, CONFIG.param_words) == (1194, 512, 32)


@pytest.mark.parametrize("instruction", ALL, ids=repr)
def test_legal(instruction: Instruction) -> None:
    assert check(CONFIG, instruction) == LEGAL
    assert check_raw(CONFIG, instruction.encode()) == LEGAL


@pytest.mark.parametrize("opcode", [0, *range(7, 16)])
def test_opcode_that_does_not_exist(opcode: int) -> None:
    assert check_raw(CONFIG, bytes([opcode]) + bytes(31)) == (ErrorCode.ILLEGAL_OPCODE, 0)
    assert check_raw(CONFIG, bytes([opcode | 0xF0]) + b"\xff" * 31) == (ErrorCode.ILLEGAL_OPCODE, 0)


def test_reserved_bits_are_ignored() -> None:
    data = bytearray(GEMM.encode())
    data[-1] = 0xFF
    assert check_raw(CONFIG, bytes(data)) == LEGAL


@pytest.mark.parametrize("instruction", ALL, ids=repr)
@pytest.mark.parametrize("field", ["wait", "signal"])
def test_tokens(instruction: Instruction, field: str) -> None:
    for engine in Engine:
        forbidden = instruction.engine in (None, engine)
        result = check(CONFIG, replace(instruction, **{field: 1 << engine}))
        assert result == (ILLEGAL_FIELD if forbidden else LEGAL)


@pytest.mark.parametrize(
    ("instruction", "field"),
    [
        (LOAD, "count"),
        (STREAM, "count"),
        (GEMM, "k_tiles"),
        (MOMENTS, "row_length"),
        *((i, "m") for i in (GEMM, *POST)),
        *((i, "n") for i in (GEMM, *POST)),
    ],
    ids=repr,
)
def test_zero(instruction: Instruction, field: str) -> None:
    assert check(CONFIG, replace(instruction, **{field: 0})) == ILLEGAL_FIELD


@pytest.mark.parametrize("instruction", [GEMM, *POST], ids=repr)
def test_rows_are_at_most_acc_depth(instruction: Instruction) -> None:
    assert check(CONFIG, replace(instruction, m=64)) == LEGAL
    assert check(CONFIG, replace(instruction, m=65)) == ILLEGAL_FIELD


@pytest.mark.parametrize(
    ("instruction", "field", "beyond"),
    [
        (LOAD, "target", 5),
        (DRAIN, "dest", 3),
        (DRAIN, "param_mode", 3),
        (DRAIN, "second", 3),
        (VECTOR_DRAIN, "stats", 3),
        (GATHER, "src_lane", 3),
        (GATHER, "dest_byte", 6),
    ],
)
def test_values_that_do_not_exist(instruction: Instruction, field: str, beyond: int) -> None:
    assert check(CONFIG, replace(instruction, **{field: beyond - 1})) == LEGAL
    assert check(CONFIG, replace(instruction, **{field: beyond})) == ILLEGAL_FIELD


@pytest.mark.parametrize(
    ("instruction", "field"), [(LOAD, "mem_addr"), (STREAM, "mem_addr"), (MEMORY_DRAIN, "dest_addr")], ids=repr
)
def test_memory_addresses_are_aligned(instruction: Instruction, field: str) -> None:
    assert check(CONFIG, replace(instruction, **{field: CONFIG.bus_bytes})) == LEGAL
    for addr in (1, CONFIG.bus_bytes // 2, CONFIG.bus_bytes - 1):
        assert check(CONFIG, replace(instruction, **{field: addr})) == ILLEGAL_FIELD


def test_wide_gemm_clears_and_releases() -> None:
    for clear in (0, 1):
        for release in (0, 1):
            narrow = replace(GEMM, n=9, clear=clear, release=release)
            assert check(CONFIG, narrow) == LEGAL
            assert check(CONFIG, replace(narrow, n=10)) == (LEGAL if clear and release else ILLEGAL_FIELD)


@pytest.mark.parametrize("stats", [Stats.MAX, Stats.MOMENTS])
def test_stats_need_an_int16_result(stats: Stats) -> None:
    drain = replace(VECTOR_DRAIN, stats=stats)
    assert check(CONFIG, drain) == LEGAL
    assert check(CONFIG, replace(drain, table_enable=1)) == ILLEGAL_FIELD
    for dest in (Destination.SCRATCHPAD, Destination.MEMORY):
        assert check(CONFIG, replace(drain, dest=dest)) == ILLEGAL_FIELD


def test_row_length_is_needed_only_by_the_row_unit() -> None:
    drain = replace(VECTOR_DRAIN, stats=Stats.MOMENTS, stats_last=1)
    assert check(CONFIG, drain) == ILLEGAL_FIELD
    assert check(CONFIG, replace(drain, row_length=1)) == LEGAL
    assert check(CONFIG, replace(drain, stats=Stats.MAX)) == LEGAL
    assert check(CONFIG, replace(drain, stats_last=0)) == LEGAL


def test_gather_takes_one_column() -> None:
    assert check(CONFIG, replace(GATHER, n=2)) == ILLEGAL_FIELD


def test_lanes_and_bytes_matter_to_gather_only() -> None:
    assert check(CONFIG, replace(LAYERNORM, src_lane=63, dest_byte=255)) == LEGAL


def test_fields_come_before_operands() -> None:
    assert check(CONFIG, replace(GEMM, a_addr=5000, k_tiles=0)) == ILLEGAL_FIELD


@pytest.mark.parametrize(
    ("target", "size", "unit_bytes"),
    [
        (LoadTarget.SCRATCHPAD, 1194, 6),
        (LoadTarget.VECTOR, 512, 6),
        (LoadTarget.PARAM, 32, 24),
        (LoadTarget.PARAM_BROADCAST, 32, 8),
        (LoadTarget.TABLE, 3 * 256, 8),
    ],
)
def test_load(target: LoadTarget, size: int, unit_bytes: int) -> None:
    assert load_units(CONFIG, target) == (size, unit_bytes)
    assert_limit(replace(LOAD, target=target), "addr", size - 1)
    assert_limit(replace(LOAD, target=target, addr=3), "count", size - 3, addr=3)
    # sixteen units take a multiple of the bus width
    assert_limit(replace(LOAD, target=target, count=16), "mem_addr", MEMORY_BYTES - 16 * unit_bytes, step=16)
    both = replace(LOAD, target=target, addr=size, mem_addr=MEMORY_BYTES - 16, count=16)
    assert check(CONFIG, both) == out_of_range(size)


def test_stream() -> None:
    assert_limit(replace(STREAM, count=8), "mem_addr", MEMORY_BYTES - 48, step=16)
    most = (1 << 24) - 1
    last = (MEMORY_BYTES - 6 * most) // 16 * 16
    assert_limit(replace(STREAM, count=most), "mem_addr", last, step=16)


def test_gemm() -> None:
    assert_limit(replace(GEMM, m=4, a_stride=10), "a_addr", 1194 - 30 - 3)
    assert_limit(replace(GEMM, m=4, a_addr=7, k_tiles=4), "a_stride", (1194 - 7 - 4) // 3, addr=7)
    assert_limit(GEMM, "k_tiles", 1194, addr=0)
    b = replace(GEMM, b_scratchpad=1, n=50, b_stride=20, clear=1, release=1)
    assert_limit(b, "b_addr", 1194 - 49 * 20 - 3)
    assert_limit(replace(b, b_addr=14), "n", (1194 - 14 - 3) // 20 + 1, addr=14)
    assert check(CONFIG, replace(b, b_scratchpad=0, b_addr=5000)) == LEGAL
    assert check(CONFIG, replace(b, a_addr=4000, b_addr=5000)) == out_of_range(4000)


def test_nothing_wraps() -> None:
    wide = replace(GEMM, m=64, n=65535, k_tiles=16383, clear=1, release=1, a_stride=65535)
    assert check(CONFIG, replace(wide, a_addr=(1 << 20) - 1)) == out_of_range((1 << 20) - 1)
    b = replace(wide, m=1, k_tiles=1, b_scratchpad=1, b_stride=65535, b_addr=9)
    assert check(CONFIG, b) == out_of_range(9)
    highest = MEMORY_BYTES - 16
    assert check(CONFIG, replace(DRAIN, dest_addr=highest, dest_stride=65535)) == out_of_range(highest)


def test_drain_destination() -> None:
    # nine values are two words of the scratchpad, three of the vector memory
    assert_limit(replace(DRAIN, dest_stride=5), "dest_addr", 1194 - 5 - 2)
    assert_limit(replace(VECTOR_DRAIN, dest_stride=5), "dest_addr", 512 - 5 - 3)
    assert_limit(replace(VECTOR_DRAIN, param_mode=ParamMode.FIXED, m=1, dest_addr=2), "n", 510 * 3, addr=2)
    # to memory: rows of eleven int32
    assert_limit(MEMORY_DRAIN, "dest_addr", MEMORY_BYTES - 96, step=16)
    assert check(CONFIG, replace(MEMORY_DRAIN, dest_stride=65535)) == LEGAL


def test_drain_parameters() -> None:
    assert_limit(DRAIN, "param_addr", 32 - 3)
    assert_limit(DRAIN, "n", 32 * 3, addr=0)
    assert_limit(replace(DRAIN, param_mode=ParamMode.ROW), "param_addr", 32 - 2)
    assert_limit(replace(DRAIN, param_mode=ParamMode.ROW), "m", 32, addr=0)
    assert_limit(replace(DRAIN, param_mode=ParamMode.FIXED), "param_addr", 31)


def test_drain_residual() -> None:
    residual = replace(DRAIN, second=SecondStage.RESIDUAL, res_stride=7)
    assert_limit(residual, "res_addr", 512 - 7 - 3)
    for second in (SecondStage.NONE, SecondStage.SCALE):
        assert check(CONFIG, replace(residual, second=second, res_addr=5000)) == LEGAL


def test_tables() -> None:
    assert_limit(replace(DRAIN, table_enable=1), "table", 2)
    assert check(CONFIG, replace(DRAIN, table=3)) == LEGAL
    assert_limit(SOFTMAX, "table", 2)
    assert check(CONFIG, replace(LAYERNORM, table=3)) == LEGAL


@pytest.mark.parametrize(
    "instruction",
    [replace(DRAIN, row_scale=1), replace(VECTOR_DRAIN, stats=Stats.MAX), MOMENTS, SOFTMAX, LAYERNORM, GATHER],
    ids=repr,
)
def test_statistics(instruction: Instruction) -> None:
    assert_limit(instruction, "stats_addr", 64 - 2)


def test_drain_without_statistics_has_any_address() -> None:
    assert check(CONFIG, replace(DRAIN, stats_addr=4095)) == LEGAL


def test_sweep() -> None:
    for sweep in (MOMENTS, SOFTMAX, LAYERNORM):
        assert_limit(replace(sweep, src_stride=9), "src_addr", 512 - 9 - 3)
    assert_limit(replace(GATHER, src_stride=9), "src_addr", 512 - 9 - 1)
    for sweep in (SOFTMAX, LAYERNORM):
        assert_limit(replace(sweep, dest_stride=9), "dest_addr", 1194 - 9 - 2)
    assert_limit(replace(GATHER, dest_stride=9), "dest_addr", 1194 - 9 - 1)
    assert check(CONFIG, replace(MOMENTS, dest_addr=5000)) == LEGAL
    assert_limit(LAYERNORM, "param_addr", 32 - 3)
    assert_limit(GATHER, "param_addr", 31)
    assert check(CONFIG, replace(SOFTMAX, param_addr=5000)) == LEGAL


def test_operands_are_checked_in_the_order_of_their_fields() -> None:
    drain = Drain(
        m=2,
        n=9,
        dest=Destination.SCRATCHPAD,
        dest_addr=5000,
        param_addr=5001,
        second=SecondStage.RESIDUAL,
        res_addr=5002,
        table_enable=1,
        table=3,
        row_scale=1,
        stats_addr=4000,
    )
    for field, addr in [("dest_addr", 5000), ("param_addr", 5001), ("res_addr", 5002), ("table", 3)]:
        assert check(CONFIG, drain) == out_of_range(addr)
        drain = replace(drain, **{field: 0})
    assert check(CONFIG, drain) == out_of_range(4000)
    sweep = replace(LAYERNORM, src_addr=5000, dest_addr=5001, param_addr=5002, stats_addr=4000)
    for field, addr in [("src_addr", 5000), ("dest_addr", 5001), ("param_addr", 5002)]:
        assert check(CONFIG, sweep) == out_of_range(addr)
        sweep = replace(sweep, **{field: 0})
    assert check(CONFIG, sweep) == out_of_range(4000)
