from dataclasses import replace

import pytest

from hw.config import AcceleratorConfig
from hw.isa import Drain, Engine, Gemm, Load, Stream, Sweep
from sim.model.liveness import find_hang

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
        ([Stream(count=1), replace(gemm, b_scratchpad=0)], 1, "waits for words of the weight stream"),
        ([Stream(count=3), replace(gemm, b_scratchpad=0), drain], 3, "1 words of the weight stream are left over"),
    ],
)
def test_programs_that_hang(program, index, reason):
    hang = find_hang(CONFIG, program)
    assert (hang.index, hang.reason) == (index, reason)
