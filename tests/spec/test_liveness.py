from dataclasses import replace

import pytest

from spec.config import AcceleratorConfig
from spec.isa import MOST_TOKENS, Drain, Engine, Gemm, Load, Stream, Sweep
from spec.liveness import find_hang
from tests.conformance.configs import CONFIGS

CONFIG = AcceleratorConfig(rows=2, cols=2, acc_banks=2, queue_depth=2)
LOAD, ARRAY, POST = (1 << engine for engine in Engine)

load = Load(count=1)
gemm = Gemm(m=1, n=2, k_tiles=1, b_scratchpad=1, clear=1, release=1)
drain = Drain(m=1, n=2)
sweep = Sweep(m=1, n=1)


def wide(instruction, tiles):
    return replace(instruction, n=2 * tiles)


@pytest.mark.parametrize(
    "program",
    [
        [],
        [gemm, drain],
        [wide(gemm, 9), wide(drain, 9)],
        [wide(gemm, 9), *[wide(drain, 3)] * 3],
        [gemm, gemm, drain, drain],
        [replace(load, signal=ARRAY), replace(gemm, wait=LOAD), drain],
        [replace(gemm, wait=LOAD), replace(load, signal=ARRAY), drain],
        [replace(gemm, signal=POST), drain, replace(sweep, wait=ARRAY, signal=LOAD), replace(load, wait=POST)],
        [Stream(count=4), replace(gemm, k_tiles=2, b_scratchpad=0), drain],
        [replace(gemm, b_scratchpad=0), drain, Stream(count=2)],
        [gemm, gemm],
        [*[replace(load, signal=ARRAY)] * MOST_TOKENS, *[replace(gemm, wait=LOAD, release=0)] * MOST_TOKENS],
        [*[replace(load, signal=ARRAY)] * (MOST_TOKENS + 2), *[replace(gemm, wait=LOAD, release=0)] * 3],
        [*[Stream(count=2)] * 3, *[replace(gemm, b_scratchpad=0, release=0)] * 3],
    ],
)
def test_programs_that_end(program):
    assert find_hang(CONFIG, program) is None


@pytest.mark.parametrize(
    ("program", "index", "reason"),
    [
        ([load, replace(gemm, wait=LOAD)], 1, "waits for a token of LOAD"),
        ([replace(gemm, wait=LOAD), replace(load, signal=ARRAY, wait=ARRAY)], 0, "waits for a token of LOAD"),
        ([gemm, drain, drain], 2, "waits for a full accumulator bank"),
        ([drain, gemm, drain, sweep], 2, "waits for a full accumulator bank"),
        ([wide(gemm, 4), drain], 0, "waits for an empty accumulator bank"),
        ([wide(gemm, 3), gemm, gemm, gemm, wide(drain, 3)], 0, "waits for an empty accumulator bank"),
        (
            [
                replace(wide(gemm, 3), signal=LOAD),
                replace(load, wait=ARRAY, signal=POST),
                replace(drain, n=6, wait=LOAD),
            ],
            0,
            "waits for an empty accumulator bank",
        ),
        (
            [*[replace(load, signal=ARRAY)] * (MOST_TOKENS + 3), *[replace(gemm, wait=LOAD, release=0)] * 3],
            255,
            "waits until ARRAY takes one of 255 tokens",
        ),
        ([*[Stream(count=2)] * 4, gemm], 3, "waits until the words of earlier STREAMs are used"),
        ([Stream(count=1), replace(gemm, b_scratchpad=0)], 1, "waits for words of the weight stream"),
        ([Stream(count=3), replace(gemm, b_scratchpad=0), drain], 3, "1 words of the weight stream are left over"),
    ],
)
def test_programs_that_hang(program, index, reason):
    hang = find_hang(CONFIG, program)
    assert (hang.index, hang.reason) == (index, reason)


MICRO = replace(CONFIGS["4x4 micro"], acc_banks=2, queue_depth=2)
streamed = replace(gemm, n=4, b_scratchpad=0)


@pytest.mark.parametrize(
    "program",
    [
        [gemm, drain],
        [replace(load, signal=ARRAY), replace(gemm, wait=LOAD), drain],
        [replace(gemm, n=16), replace(drain, n=16)],
        [streamed, Stream(count=4), drain],
        [*[Stream(count=4)] * 16, *[replace(streamed, release=0)] * 16],
        [Stream(count=8), replace(streamed, release=0), *[Stream(count=4)] * 16, *[replace(streamed, release=0)] * 17],
        [*[replace(load, signal=ARRAY)] * MOST_TOKENS, *[replace(gemm, wait=LOAD, release=0)] * MOST_TOKENS],
    ],
)
def test_micro_programs_that_end(program):
    assert find_hang(MICRO, program) is None


@pytest.mark.parametrize(
    ("program", "index", "reason"),
    [
        ([replace(gemm, wait=LOAD), replace(load, signal=ARRAY)], 0, "waits for a token of LOAD"),
        ([drain, gemm], 0, "waits for a full accumulator bank"),
        ([gemm, drain, replace(drain, n=8)], 2, "waits for a full accumulator bank"),
        ([gemm] * 6, 2, "waits for an empty accumulator bank"),
        ([gemm] * 3, 2, "waits for an empty accumulator bank"),
        ([streamed] * 4, 0, "waits for words of the weight stream"),
        ([streamed, replace(gemm, wait=LOAD)], 0, "waits for words of the weight stream"),
        ([streamed, drain], 0, "waits for words of the weight stream"),
        ([Stream(count=4)] * 17, 16, "waits until the words of earlier STREAMs are used"),
        ([replace(load, signal=ARRAY)] * 256, 255, "waits until ARRAY takes one of 255 tokens"),
        ([Stream(count=5), streamed, drain], 3, "1 words of the weight stream are left over"),
    ],
)
def test_micro_programs_that_hang(program, index, reason):
    hang = find_hang(MICRO, program)
    assert (hang.index, hang.reason) == (index, reason)
