"""The micro core's life: START, soft reset, deadlocks, bus errors and counters; conformance tests what it computes."""

import dataclasses
import shutil
from itertools import permutations

import numpy as np
import pytest

from host.driver import Driver
from sim.memory import MemoryModel
from sim.rtl import RtlDevice
from sim.rtl.build import build_simulator
from sim.rtl.chip import Chip
from spec.axi import BURST_BEATS
from spec.isa import (
    INSTRUCTION_BYTES,
    MOST_TOKENS,
    Destination,
    Drain,
    Engine,
    ErrorCode,
    Gemm,
    Halt,
    Load,
    ParamMode,
    Stream,
)
from spec.registers import COUNTERS, REGISTERS, Control, Status
from tests.conformance.assembler import Assembler
from tests.conformance.configs import CONFIGS
from tests.conformance.interpreter import interpret
from tests.conformance.random_program import random_program

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")

CONFIG = CONFIGS["4x4 micro"]
PATIENCE = 20_000_000
OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}

GEMM = Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1)
DRAIN = Drain(m=1, n=1, dest=Destination.VECTOR)
STREAM = Stream(count=CONFIG.cols)
CYCLES = 1500  # more than one of these takes, and less than the patience


def same(outputs, expected):
    return outputs.keys() == expected.keys() and all(np.array_equal(outputs[name], expected[name]) for name in expected)


class Bench:
    """A chip with a random program in its memory."""

    def __init__(self, **memory):
        self.program, inputs = random_program(CONFIG, 41)
        self.expected = interpret(self.program, inputs)
        self._inputs = inputs
        self._chip = Chip(build_simulator(CONFIG), MemoryModel(**memory), CONFIG.bus_bytes)
        self.driver = Driver(self._chip, "cycles")

    def advance(self, cycles):
        self._chip.advance(cycles)
        return self._chip.cycles

    def reset(self):
        self.driver.reset(lambda: self.advance(64))

    def start(self):
        self._memory = self.program.memory_image(self._inputs)
        self._chip.attach(self._memory)
        self.driver.start(self.program)

    def finish(self):
        """Return the cycles that the host waited, and whether the outputs are right."""
        start = self._chip.cycles
        self.driver.wait(self.program, lambda: self.advance(1000) - start, PATIENCE)
        return self._chip.cycles - start, same(self.program.read_outputs(self._memory), self.expected)


def test_soft_reset_amid_a_program():
    bench = Bench(stall_probability=0.3, latency=9)
    bench.reset()
    bench.start()
    whole, right = bench.finish()
    assert right
    for cycles in (*range(1, 40), *np.random.default_rng(5).integers(40, whole, 40).tolist()):
        bench.reset()
        bench.start()
        bench.advance(cycles)
    bench.reset()
    assert bench.driver.read("STATUS", "instructions", "cycles") == [0, 0, 0]
    bench.start()
    assert bench.finish()[1]


def test_cycles_are_counted_from_start_to_done():
    bench = Bench()
    for _ in range(2):
        bench.reset()
        bench.start()
        waited, right = bench.finish()
        assert right
        (counted,) = bench.driver.read("cycles")
        # Registers take a few cycles to write and read.
        assert abs(counted - waited) < 30
    bench.advance(100)
    assert bench.driver.read("STATUS", "cycles") == [Status.DONE, counted]
    bench.start()
    bench.advance(10)
    assert bench.driver.read("cycles")[0] < 100


class Host:
    """A chip whose registers are written and read one by one, after its soft reset."""

    def __init__(self, program, memory=None):
        self._chip = Chip(build_simulator(CONFIG), memory or MemoryModel(), CONFIG.bus_bytes)
        self._memory = program.memory_image({})
        self._chip.attach(self._memory)
        self.addr, self.length = program.instructions_addr, program.instructions.size // INSTRUCTION_BYTES
        self.reset()

    def read(self, *names):
        values = self._chip.read_registers([OFFSETS[name] for name in names])
        return values if len(names) > 1 else values[0]

    def write(self, **values):
        self._chip.write_registers({OFFSETS[name]: int(value) for name, value in values.items()})

    def advance(self, cycles):
        self._chip.advance(cycles)

    def reset(self):
        """Do a soft reset; return the status behind it."""
        self.write(CONTROL=Control.SOFT_RESET)
        return self.leave(Status.RESETTING)

    def start(self, **registers):
        self.write(**{"PROGRAM_ADDR": self.addr, "PROGRAM_LENGTH": self.length} | registers, CONTROL=Control.START)

    def leave(self, status):
        """Wait until it is in this state no more; return which it is in."""
        for _ in range(100_000):
            now = self.read("STATUS")
            if not now & status:
                return now
            self.advance(100)
        raise AssertionError(f"it stays {status!r}")

    def error(self):
        """Wait for the end, which is an error; return its code, index and address."""
        assert self.leave(Status.BUSY) == Status.ERROR
        return tuple(self.read("ERROR_CODE", "ERROR_INDEX", "ERROR_ADDR"))


def program_of(*instructions, halt=True):
    asm = Assembler(CONFIG)
    asm.add(*instructions)
    return asm.program(halt=halt, tokens=False)


def test_a_start_while_busy_is_refused():
    host = Host(program_of(*[GEMM, DRAIN] * 20))
    host.start()
    for _ in range(3):
        host.advance(1000)
        host.write(CONTROL=Control.START)
        assert host.read("STATUS") == Status.BUSY | Status.REFUSED
    assert host.leave(Status.BUSY) == Status.DONE | Status.REFUSED
    # It is not made up for later.
    host.advance(1000)
    assert host.read("STATUS", "instructions") == [Status.DONE | Status.REFUSED, host.length]
    host.write(CONTROL=Control.START)
    assert host.read("STATUS") == Status.BUSY


def test_a_start_after_an_error_is_refused():
    host = Host(program_of(bytes(INSTRUCTION_BYTES)))
    host.start()
    assert host.error() == (ErrorCode.ILLEGAL_OPCODE, 0, 0)
    host.write(CONTROL=Control.START)
    host.advance(1000)
    assert host.read("STATUS", "ERROR_CODE") == [Status.ERROR | Status.REFUSED, ErrorCode.ILLEGAL_OPCODE]
    assert host.reset() == 0


@pytest.mark.parametrize("with_reset", [False, True])
def test_a_start_while_resetting_is_refused(with_reset):
    host = Host(program_of())
    if with_reset:
        host.write(CONTROL=Control.SOFT_RESET | Control.START)
    else:
        host.write(CONTROL=Control.SOFT_RESET)
        host.write(CONTROL=Control.START)
    # Another soft reset does nothing.
    host.write(CONTROL=Control.SOFT_RESET)
    assert host.read("STATUS") == Status.RESETTING | Status.REFUSED
    assert host.leave(Status.RESETTING) == Status.REFUSED
    host.advance(1000)
    assert host.read("STATUS", "instructions") == [Status.REFUSED, 0]
    host.start()
    assert host.leave(Status.BUSY) == Status.DONE


def test_a_start_in_any_cycle_is_accepted_or_refused():
    """Around the end of a program: what is not refused is carried out."""
    host = Host(program_of())
    host.start()
    assert host.leave(Status.BUSY) == Status.DONE
    cycles = host.read("cycles")
    refused = 0
    for wait in range(cycles - 20, cycles + 20):
        host.start()
        host.advance(wait)
        host.write(CONTROL=Control.START)
        refused += bool(host.read("STATUS") & Status.REFUSED)
        assert host.read("STATUS") & (Status.BUSY | Status.REFUSED)
        assert host.leave(Status.BUSY) & Status.DONE
    assert 0 < refused < 40


def test_registers_are_taken_at_start():
    """They may be written in any cycle behind it, and then count for the next one."""
    host = Host(program_of(GEMM, DRAIN))
    last = host.addr + (host.length - 1) * INSTRUCTION_BYTES
    for wait in range(8):
        for names in permutations(("PROGRAM_ADDR", "PROGRAM_LENGTH")):
            host.start()
            host.advance(wait)
            host.write(**dict.fromkeys(names, 0))
            assert host.leave(Status.BUSY) == Status.DONE
            assert host.read("instructions") == host.length
            assert host.read("PROGRAM_LENGTH", "PROGRAM_ADDR") == [0, 0]
    host.start()
    host.write(PROGRAM_ADDR=last, PROGRAM_LENGTH=1)
    assert host.leave(Status.BUSY) == Status.DONE
    host.write(CONTROL=Control.START)
    assert host.leave(Status.BUSY) == Status.DONE
    assert host.read("instructions") == 1


def test_bits_of_the_address_within_a_bus_word_count_as_zero():
    host = Host(program_of(GEMM, DRAIN))
    for bits in range(1, CONFIG.bus_bytes):
        host.start(PROGRAM_ADDR=host.addr + bits)
        assert host.leave(Status.BUSY) == Status.DONE
        assert host.read("PROGRAM_ADDR", "instructions") == [host.addr + bits, host.length]
    for addr in (0x1000_0000, 0xFFFE_FFE0):
        host.start(PROGRAM_ADDR=addr + bits)
        assert host.error() == (ErrorCode.BUS_READ, 0, addr)
        host.reset()


BEYOND = Load(addr=CONFIG.scratchpad_words, count=1)
TO_ARRAY = Load(count=1, signal=1 << Engine.ARRAY)
FROM_LOAD = dataclasses.replace(GEMM, wait=1 << Engine.LOAD, release=0)
STREAMED = dataclasses.replace(GEMM, b_scratchpad=0)

HANGS = {
    "a token that is never there": [Load(count=1, wait=1 << Engine.POST)],
    "a token that comes later": [FROM_LOAD, TO_ARRAY],
    "more tokens than there may be": [TO_ARRAY] * (MOST_TOKENS + 1) + [FROM_LOAD] * (MOST_TOKENS + 1),
    "more tokens of a GEMM": [dataclasses.replace(GEMM, release=0, signal=1 << Engine.POST)] * (MOST_TOKENS + 1),
    "too many GEMMs": [STREAMED] * (CONFIG.queue_depth + 2),
    "too many STREAMs": [STREAM] * 17,
    "a DRAIN without a bank": [DRAIN],
    "a GEMM that is not complete": [STREAMED],
    "a GEMM without a bank": [GEMM] * (CONFIG.acc_banks + 1),
    "words that are not used": [STREAM],
    "more words than 16 bits count": [Stream(count=1 << 16)],
    "a GEMM that is not complete, before a broken rule": [STREAMED, BEYOND],
}


@pytest.mark.parametrize("why", HANGS)
def test_what_would_wait_for_ever_is_a_deadlock(why):
    """It is reported at once, and not only when patience ends."""
    host = Host(program_of(*HANGS[why]))
    host.start()
    assert host.error() == (ErrorCode.DEADLOCK, 0, 0)
    assert host.read("cycles") < len(HANGS[why]) * CYCLES
    # The next program is not disturbed.
    assert host.reset() == 0
    host.start(PROGRAM_ADDR=host.addr + (host.length - 1) * INSTRUCTION_BYTES, PROGRAM_LENGTH=1)
    assert host.leave(Status.BUSY) == Status.DONE


def test_there_may_be_255_tokens():
    """Again and again, and they may be left over."""
    host = Host(program_of(*([TO_ARRAY] * MOST_TOKENS + [FROM_LOAD] * MOST_TOKENS) * 2, *[TO_ARRAY] * MOST_TOKENS))
    host.start()
    assert host.leave(Status.BUSY) == Status.DONE
    # The next program finds them.
    host.start(PROGRAM_LENGTH=1)
    assert host.error() == (ErrorCode.DEADLOCK, 0, 0)


@pytest.mark.parametrize(
    ("broken", "code", "addr"),
    [
        (bytes(INSTRUCTION_BYTES), ErrorCode.ILLEGAL_OPCODE, 0),
        (Halt(wait=1), ErrorCode.ILLEGAL_FIELD, 0),
        (BEYOND, ErrorCode.OUT_OF_RANGE, CONFIG.scratchpad_words),
        (None, ErrorCode.NO_HALT, 0),
    ],
    ids=["opcode", "field", "range", "no halt"],
)
def test_a_broken_rule_counts_though_words_are_not_used(broken, code, addr):
    host = Host(program_of(STREAM, GEMM, *([] if broken is None else [broken]), halt=False))
    host.start()
    assert host.error() == (code, 2, addr)


@pytest.mark.parametrize("latency", range(60, 64))
def test_an_error_of_a_bursts_last_beat_is_seen(latency):
    """Though the microprogram waits for that beat, to begin the next burst."""
    program = program_of(GEMM, DRAIN)
    burst_bytes = BURST_BEATS * CONFIG.bus_bytes
    border = -(-program.memory_bytes // burst_bytes) * burst_bytes
    bad = border - CONFIG.bus_bytes
    beats = 3
    start = border - beats * CONFIG.bus_bytes
    memory = MemoryModel(latency=latency, faults=range(bad, border))
    host = Host(dataclasses.replace(program, memory_bytes=border + burst_bytes), memory)
    host.start(PROGRAM_ADDR=start)
    assert host.error() == (ErrorCode.BUS_READ, 0, start)


def test_soft_reset_amid_many_words_of_a_stream():
    """The bus waits while the buffer is full, and the soft reset must not wait for the bus then."""
    k_tiles = 64
    many = Gemm(m=CONFIG.acc_depth, n=CONFIG.cols, k_tiles=k_tiles, clear=1, release=1)
    host = Host(program_of(Stream(count=CONFIG.cols * k_tiles), many, DRAIN))
    host.start()
    assert host.leave(Status.BUSY) == Status.DONE
    cycles = host.read("cycles")
    for wait in range(1, cycles, 97):
        host.start()
        host.advance(wait)
        assert host.reset() == 0


def test_a_soft_reset_clears_as_many_sums_as_there_can_be():
    """One microinstruction clears at most 255."""
    config = dataclasses.replace(CONFIG, acc_depth=128, acc_banks=3)
    asm, rng = Assembler(config), np.random.default_rng(6)
    asm.load_operand(0, rng.integers(-128, 128, (config.acc_depth, config.rows)))
    asm.load_broadcast(0)
    for bank in range(config.acc_banks):
        asm.stream(rng.integers(-128, 128, (config.cols, config.rows)).astype(np.int8))
        asm.add(Gemm(m=config.acc_depth, n=config.cols, k_tiles=1, a_addr=0, a_stride=1, clear=0, release=1))
        asm.drain_to_memory(f"bank_{bank}", config.acc_depth, config.cols, param_mode=ParamMode.FIXED, param_addr=0)
    program, device = asm.program(), RtlDevice(config)
    expected = interpret(program, {})
    for _ in range(2):
        assert same(device.run(program, {}).outputs, expected)
