"""Errors: code, instruction index and address, hangs, and that the next program runs as if nothing had been."""

import dataclasses

import numpy as np
import pytest

from spec.device import DeviceError
from spec.isa import (
    MOST_TOKENS,
    Destination,
    Drain,
    Engine,
    ErrorCode,
    Gemm,
    Halt,
    Load,
    LoadTarget,
    Stats,
    Stream,
    Sweep,
    SweepKind,
)
from tests.conformance.assembler import Assembler
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program

VALID_LOADS = 3

GEMM = Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1)
DRAIN = Drain(m=1, n=1, dest=Destination.VECTOR)
SWEEP = Sweep(m=1, n=1, kind=SweepKind.MOMENTS, row_length=1)


def illegal(config):
    """Return instructions that break a rule, with the code and the address that the device shows."""
    beyond_scratchpad, beyond_vector = config.scratchpad_words - 1, config.vector_words - 1
    unaligned = config.bus_bytes // 2
    last_row, last_entry = config.acc_depth, config.acc_depth - 1
    replace = dataclasses.replace
    field, reach = ErrorCode.ILLEGAL_FIELD, ErrorCode.OUT_OF_RANGE
    return {
        "empty memory": (bytes(32), ErrorCode.ILLEGAL_OPCODE, 0),
        "opcode 15": (b"\xff" * 32, ErrorCode.ILLEGAL_OPCODE, 0),
        "halt with tokens": (Halt(wait=1), field, 0),
        "load nothing": (Load(target=LoadTarget.PARAM), field, 0),
        "load target": (Load(target=5, count=1), field, 0),
        "load unaligned": (Load(count=1, mem_addr=unaligned), field, 0),
        "load too much": (Load(addr=beyond_scratchpad, count=2), reach, beyond_scratchpad),
        "load table": (Load(target=LoadTarget.TABLE, addr=256 * config.tables, count=1), reach, 256 * config.tables),
        "stream nothing": (Stream(), field, 0),
        "stream with tokens": (Stream(count=1, signal=2), field, 0),
        "gemm without rows": (replace(GEMM, m=0), field, 0),
        "gemm of too many rows": (replace(GEMM, m=last_row + 1), field, 0),
        "gemm waits for itself": (replace(GEMM, wait=1 << Engine.ARRAY), field, 0),
        "gemm of several tiles keeps its bank": (replace(GEMM, n=config.cols + 1, release=0), field, 0),
        "gemm a": (replace(GEMM, a_addr=beyond_scratchpad, k_tiles=2), reach, beyond_scratchpad),
        "gemm b": (replace(GEMM, b_addr=3, n=2, b_stride=beyond_scratchpad), reach, 3),
        "drain without columns": (replace(DRAIN, n=0), field, 0),
        "drain to nowhere": (replace(DRAIN, dest=3), field, 0),
        "drain unaligned": (replace(DRAIN, dest=Destination.MEMORY, dest_addr=unaligned), field, 0),
        "drain statistics of int8": (replace(DRAIN, dest=Destination.SCRATCHPAD, stats=Stats.MAX), field, 0),
        "drain destination": (replace(DRAIN, m=2, dest_addr=5, dest_stride=beyond_vector), reach, 5),
        "drain parameters": (replace(DRAIN, param_addr=config.param_words), reach, config.param_words),
        "drain statistics": (replace(DRAIN, m=2, stats=Stats.MAX, stats_addr=last_entry), reach, last_entry),
        "sweep without length": (replace(SWEEP, row_length=0), field, 0),
        "sweep source": (replace(SWEEP, src_addr=beyond_vector, n=config.lanes + 1), reach, beyond_vector),
        "gather of two": (replace(SWEEP, kind=SweepKind.GATHER, n=2), field, 0),
        "gather byte": (replace(SWEEP, kind=SweepKind.GATHER, dest_byte=config.rows), field, 0),
    }


def expect_error(device, asm, code, index, addr=0, *, halt=True):
    """Run a program that ends with an error, then another that must not notice."""
    with pytest.raises(DeviceError) as caught:
        device.run(asm.program(halt=halt, tokens=False), {})
    assert (caught.value.code, caught.value.index, caught.value.addr) == (code, index, addr)
    expect_recovery(device)


def expect_recovery(device):
    program, inputs = random_program(device.config, 99, steps=2)
    outputs = device.run(program, inputs).outputs
    for name, values in interpret(program, inputs).items():
        np.testing.assert_array_equal(outputs[name], values, err_msg=f"output {name}")


def valid_loads(config):
    asm = Assembler(config)
    for i in range(VALID_LOADS):
        asm.load(LoadTarget.SCRATCHPAD, i, bytes([i + 1]) * config.rows, 1)
    return asm


def test_instructions_that_break_a_rule(device):
    for name, (instruction, code, addr) in illegal(device.config).items():
        asm = valid_loads(device.config)
        asm.add(instruction, *[GEMM] * 3)
        with pytest.raises(DeviceError) as caught:
            device.run(asm.program(tokens=False), {})
        assert (caught.value.code, caught.value.index, caught.value.addr) == (code, VALID_LOADS, addr), name
    expect_recovery(device)


def test_a_program_without_halt(device):
    expect_error(device, valid_loads(device.config), ErrorCode.NO_HALT, VALID_LOADS, halt=False)


def test_the_first_of_two_errors_counts(device):
    asm = valid_loads(device.config)
    asm.add(Load(target=7, count=1), bytes(32))
    expect_error(device, asm, ErrorCode.ILLEGAL_FIELD, VALID_LOADS)


def test_nothing_behind_halt_is_looked_at(device):
    asm = valid_loads(device.config)
    asm.dump_scratchpad("all")
    asm.add(Halt(), bytes(32))
    outputs = device.run(asm.program(), {}).outputs
    assert outputs["all_0"][0] == 1


@pytest.mark.parametrize("where", ["load", "stream", "drain"])
def test_addresses_beyond_the_memory(device, where):
    config = device.config
    asm = Assembler(config)
    addr = 1 << 24
    match where:
        case "load":
            asm.add(Load(count=1, mem_addr=addr))
        case "stream":
            asm.add(Stream(count=config.cols, mem_addr=addr), dataclasses.replace(GEMM, b_scratchpad=0))
        case "drain":
            asm.add(GEMM, Drain(m=1, n=1, dest=Destination.MEMORY, dest_addr=addr))
    code = ErrorCode.BUS_WRITE if where == "drain" else ErrorCode.BUS_READ
    expect_error(device, asm, code, int(where == "drain"), addr)


def test_a_broken_rule_is_reported_though_weights_are_left_over(device):
    for broken, code in ((bytes(32), ErrorCode.ILLEGAL_OPCODE), (None, ErrorCode.NO_HALT)):
        asm = valid_loads(device.config)
        asm.stream(np.zeros((1, 100), np.int8))
        if broken:
            asm.add(broken)
        expect_error(device, asm, code, VALID_LOADS + 1, halt=False)


def test_a_deadlock_is_reported_before_a_broken_rule_behind_it(device):
    asm = valid_loads(device.config)
    asm.add(dataclasses.replace(DRAIN, wait=1 << Engine.ARRAY), bytes(32))
    expect_error(device, asm, ErrorCode.DEADLOCK, VALID_LOADS)


def test_as_many_tokens_as_a_counter_holds(device):
    asm = Assembler(device.config)
    load = Load(count=1, mem_addr=asm.constant(bytes(64)), signal=1 << Engine.ARRAY)
    asm.add(*[load] * MOST_TOKENS, *[dataclasses.replace(GEMM, release=0, wait=1 << Engine.LOAD)] * MOST_TOKENS)
    device.run(asm.program(tokens=False), {})


def test_one_token_more_is_a_deadlock(device):
    asm = Assembler(device.config)
    load = Load(count=1, mem_addr=asm.constant(bytes(64)), signal=1 << Engine.ARRAY)
    for extra in (1, 145):
        asm.instructions.clear()
        asm.add(*[load] * (MOST_TOKENS + extra))
        asm.add(*[dataclasses.replace(GEMM, release=0, wait=1 << Engine.LOAD)] * (MOST_TOKENS + extra))
        if extra == 1 and device.config.core != "micro":
            # The last LOAD waits in its queue until a GEMM has taken a token.
            device.run(asm.program(tokens=False), {})
        else:
            expect_error(device, asm, ErrorCode.DEADLOCK, MOST_TOKENS)


def test_a_reset_clears_the_accumulators(device):
    config = device.config
    asm = Assembler(config)
    asm.load_operand(0, np.full((config.acc_depth, config.rows), 127, np.int8))
    for _ in range(config.acc_banks):
        asm.add(Gemm(m=config.acc_depth, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1))
        asm.add(Drain(m=config.acc_depth, n=1, dest=Destination.VECTOR, clip_low=-1, clip_high=1))
    device.run(asm.program(), {})
    asm = Assembler(config)
    for bank in range(config.acc_banks):
        asm.add(dataclasses.replace(GEMM, m=config.acc_depth, clear=0))
        asm.drain_to_memory(f"bank_{bank}", config.acc_depth, 1)
    for name, sums in device.run(asm.program(), {}).outputs.items():
        assert not sums.any(), name


@pytest.mark.parametrize("why", ["token", "words", "bank", "banks", "left over"])
def test_a_deadlock_is_reported(device, why):
    config = device.config
    asm = valid_loads(config)
    index = VALID_LOADS
    match why:
        case "token":
            asm.add(dataclasses.replace(GEMM, wait=1 << Engine.POST))
        case "words":
            asm.add(dataclasses.replace(GEMM, b_scratchpad=0))
        case "bank":
            asm.add(GEMM, DRAIN, DRAIN)
            index += 2
        case "banks":
            asm.add(*[GEMM] * (config.acc_banks + 1))
            index += config.acc_banks
        case "left over":
            asm.stream(np.zeros((1, 1), np.int8))
            index += 1
    expect_error(device, asm, ErrorCode.DEADLOCK, index)
