"""Spans: the first and the last word of every operand, and whether two instructions get into each other's way."""

import pytest

from spec.config import AcceleratorConfig
from spec.isa import (
    Destination,
    Drain,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    SecondStage,
    Stream,
    Sweep,
    SweepKind,
)
from spec.memories import Memory
from spec.spans import Span, spans

CONFIG = AcceleratorConfig(rows=6, cols=9, lanes=3, tables=3)


def read(memory: Memory, start: int, stop: int) -> Span:
    return Span(memory, start, stop, reads=True)


def written(memory: Memory, start: int, stop: int) -> Span:
    return Span(memory, start, stop, writes=True)


SPANS = [
    (Halt(), []),
    (
        Load(target=LoadTarget.PARAM, addr=3, count=2, mem_addr=64),
        [written(Memory.PARAMS, 3, 5), read(Memory.MAIN, 64, 112)],
    ),
    (Stream(mem_addr=64, count=5), [read(Memory.MAIN, 64, 94)]),
    (
        Gemm(m=3, n=2, k_tiles=4, a_addr=10, a_stride=7, b_addr=50, b_stride=9, b_scratchpad=1),
        [read(Memory.SCRATCHPAD, 10, 28), read(Memory.SCRATCHPAD, 50, 63)],
    ),
    (
        Drain(
            m=3,
            n=7,
            dest=Destination.VECTOR,
            dest_addr=20,
            dest_stride=5,
            param_addr=1,
            second=SecondStage.RESIDUAL,
            res_addr=60,
            res_stride=3,
            table_enable=1,
            table=2,
        ),
        [
            written(Memory.VECTOR, 20, 33),
            read(Memory.PARAMS, 1, 4),
            read(Memory.VECTOR, 60, 69),
            read(Memory.TABLES, 512, 768),
        ],
    ),
    (
        Drain(m=2, n=10, dest=Destination.MEMORY, dest_addr=128),
        [written(Memory.MAIN, 128, 128 + 2 * 12 * 4), read(Memory.PARAMS, 0, 4)],
    ),
    (
        Sweep(kind=SweepKind.LAYERNORM, m=2, n=7, src_addr=5, src_stride=3, dest_addr=9, dest_stride=2, stats_addr=4),
        [
            Span(Memory.VECTOR, 5, 11, reads=True, writes=True),
            written(Memory.SCRATCHPAD, 9, 13),
            read(Memory.PARAMS, 0, 3),
            Span(Memory.STATISTICS, 4, 6, reads=True, writes=True),
        ],
    ),
]


@pytest.mark.parametrize(("instruction", "expected"), SPANS, ids=repr)
def test_first_and_last_words(instruction: Instruction, expected: list[Span]) -> None:
    assert list(spans(CONFIG, instruction)) == expected


@pytest.mark.parametrize("kind", [SweepKind.MOMENTS, SweepKind.SOFTMAX, SweepKind.GATHER])
def test_other_sweeps_only_read_their_source(kind: SweepKind) -> None:
    source, *_ = spans(CONFIG, Sweep(kind=kind, m=1, n=1))
    assert source == read(Memory.VECTOR, 0, 1)


def test_conflicts_need_a_common_word_that_one_writes() -> None:
    word = written(Memory.VECTOR, 5, 7)
    for other, expected in (
        (read(Memory.VECTOR, 6, 9), True),
        (written(Memory.VECTOR, 0, 6), True),
        (read(Memory.VECTOR, 7, 9), False),
        (read(Memory.VECTOR, 0, 5), False),
        (read(Memory.PARAMS, 5, 7), False),
    ):
        assert word.conflicts(other) == other.conflicts(word) == expected
    assert not read(Memory.VECTOR, 5, 7).conflicts(read(Memory.VECTOR, 5, 7))
