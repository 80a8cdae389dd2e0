"""Tokens keep every order that matters, and never stop a program."""

import dataclasses

import pytest

from spec.config import AcceleratorConfig
from spec.isa import MOST_TOKENS, Destination, Drain, Gemm, Halt, Instruction, Load, LoadTarget, Sweep, SweepKind
from sw.lowering import NetworkLowering, lower_matmul
from sw.lowering.dependencies import add_tokens
from sw.network.random_checkpoint import random_checkpoint
from tests.sw.lowering.token_machine import TokenMachine, interleavings

LOAD, ARRAY, POST = 1, 2, 4
CONFIG = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=16, vector_kib=16)


def load(addr: int, count: int = 1) -> Load:
    return Load(target=LoadTarget.SCRATCHPAD, addr=addr, count=count)


def gemm(a_addr: int, m: int = 1) -> Gemm:
    return Gemm(m=m, n=4, k_tiles=1, a_addr=a_addr, a_stride=1, clear=1, release=1)


def drain(dest_addr: int) -> Drain:
    return Drain(m=1, n=4, dest=Destination.SCRATCHPAD, dest_addr=dest_addr, dest_stride=1)


def tokens(*instructions: Instruction) -> list[tuple[int, int]]:
    return [(i.wait, i.signal) for i in add_tokens(CONFIG, instructions)]


def test_read_waits_for_write() -> None:
    assert tokens(load(0), gemm(0), drain(8), gemm(8), drain(9)) == [
        (0, ARRAY),
        (LOAD, 0),
        (0, ARRAY),
        (POST, 0),
        (0, 0),
    ]


def test_write_waits_for_reads() -> None:
    assert tokens(gemm(0), drain(8), load(0)) == [(0, LOAD), (0, 0), (ARRAY, 0)]


def test_write_waits_for_write() -> None:
    assert tokens(gemm(0), drain(8), load(8)) == [(0, 0), (0, LOAD), (POST, 0)]


def test_other_words_need_no_tokens() -> None:
    assert tokens(load(0), gemm(1), drain(8), load(9)) == [(0, 0)] * 4


def test_implied_waits_are_dropped() -> None:
    assert tokens(load(0), load(1), gemm(1), drain(8), gemm(0), drain(9)) == [
        (0, 0),
        (0, ARRAY),
        (LOAD, 0),
        (0, 0),
        (0, 0),
        (0, 0),
    ]


def test_strided_rows_are_covered_from_first_to_last() -> None:
    assert tokens(load(5), dataclasses.replace(gemm(0, m=3), a_stride=4), drain(20))[1] == (LOAD, 0)


def test_parameters_and_tables_of_drains_and_sweeps() -> None:
    params = Load(target=LoadTarget.PARAM_BROADCAST, addr=3, count=1)
    table = Load(target=LoadTarget.TABLE, addr=256, count=256)
    layernorm = Sweep(kind=SweepKind.LAYERNORM, m=1, n=4, param_addr=3)
    softmax = Sweep(kind=SweepKind.SOFTMAX, m=1, n=4, dest_addr=64, table=1)
    assert tokens(params, table, layernorm, softmax, params) == [
        (0, POST),
        (0, POST),
        (LOAD, LOAD),
        (LOAD, 0),
        (POST, 0),
    ]


def test_drain_must_not_overwrite_its_own_operand() -> None:
    with pytest.raises(ValueError, match="instruction 1 must not write what the GEMM before its DRAIN reads"):
        tokens(gemm(0), drain(0))


@pytest.mark.parametrize("queue_depth", [2, 64])
def test_counters_never_overflow(queue_depth: int) -> None:
    config = dataclasses.replace(CONFIG, queue_depth=queue_depth)
    loads = [load(i) for i in range(300)]
    products = [part for i in range(300) for part in (gemm(i), drain(1000 + i))]
    instructions = add_tokens(config, [*loads, *products])
    for choose in interleavings(0):
        machine = TokenMachine(config, instructions)
        machine.run(choose)
        assert machine.most_tokens <= MOST_TOKENS


def check(config: AcceleratorConfig, instructions: list[Instruction], seed: int) -> None:
    for choose in interleavings(seed):
        TokenMachine(config, instructions).run(choose)


@pytest.mark.parametrize("queue_depth", [2, 8])
@pytest.mark.parametrize(("rows", "cols", "length", "acc_depth"), [(4, 4, 9, 16), (3, 5, 20, 8), (2, 2, 6, 4)])
def test_any_interleaving_of_a_bert_is_safe(
    rows: int, cols: int, length: int, acc_depth: int, queue_depth: int
) -> None:
    config = AcceleratorConfig(
        rows=rows,
        cols=cols,
        acc_depth=acc_depth,
        scratchpad_kib=4,
        vector_kib=4,
        param_words=32,
        queue_depth=queue_depth,
    )
    program = NetworkLowering(random_checkpoint(rows), config).lower(length)
    check(config, list(program), seed=rows)


def test_any_interleaving_of_a_product_is_safe() -> None:
    config = AcceleratorConfig(rows=4, cols=2, acc_depth=8, scratchpad_kib=1, queue_depth=2)
    check(config, list(lower_matmul(config, 20, 9, 30)), seed=1)
    check(config, list(lower_matmul(config, 5, 5, 3000)), seed=2)


def test_without_tokens_the_machine_finds_a_hazard() -> None:
    config = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=4, vector_kib=4)
    program = NetworkLowering(random_checkpoint(0, layers=1), config).lower(5)
    bare = [dataclasses.replace(i, wait=0, signal=0) for i in program]
    with pytest.raises(AssertionError, match="starts before"):
        check(config, bare, seed=0)


def test_program_ends_with_halt() -> None:
    assert isinstance(list(lower_matmul(CONFIG, 1, 1, 1))[-1], Halt)
