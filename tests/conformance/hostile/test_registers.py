"""What a host does with registers while a program runs changes nothing of it."""

from dataclasses import replace

import numpy as np

from spec.isa import Drain, Gemm, Halt, Stream, decode
from spec.registers import ADDRESS_BITS, COUNTERS, REGISTERS, Control, Status
from tests.conformance.hostile.code import code_of
from tests.conformance.hostile.trial import FINE

WRITABLE = ("PROGRAM_ADDR", "PROGRAM_LENGTH", "IRQ_ENABLE")
READ_ONLY = tuple(r.name for r in (*REGISTERS, *COUNTERS) if r.access == "r")
OFFSETS = {offset for r in (*REGISTERS, *COUNTERS) for offset in range(r.offset, r.offset + r.width // 8 + 4, 4)}
HOLES = tuple(sorted(set(range(0, 1 << ADDRESS_BITS, 4)) - OFFSETS))


def test_accesses_while_a_program_runs_change_nothing(trials, config):
    for trial in trials:
        with trial:
            rng, chip = trial.rng, trial.chip
            job = trial.job(steps=rng.choice([2, 4]))
            trial.behave()
            trial.attach(job)
            trial.start(job)
            for _ in range(rng.randrange(1, 12)):
                chip.advance(rng.randrange(20_000 if config.core == "micro" else 300), until_irq=True)
                if trial.status & Status.BUSY:
                    disturb(trial)
            chip.write("IRQ_ENABLE", 1)
            assert trial.outcome() == FINE
            trial.assert_exact(job)


def test_registers_hold_what_was_written_and_nothing_else(trials):
    masks = {r.name: (1 << r.width) - 1 for r in REGISTERS}
    for trial in trials:
        with trial:
            chip, rng = trial.chip, trial.rng
            held = {name: chip.read(name) for name in WRITABLE}
            fixed = {name: chip.read(name) for name in READ_ONLY}
            for _ in range(20):
                name, value, strobes = rng.choice(WRITABLE), rng.getrandbits(32), rng.choice([15, rng.randrange(16)])
                chip.write(name, value, strobes)
                taken = sum(255 << 8 * i for i in range(4) if strobes >> i & 1)
                held[name] = (held[name] & ~taken | value & taken) & masks[name]
                chip.write(rng.choice(READ_ONLY), rng.getrandbits(32))
                chip.write(rng.choice(HOLES), rng.getrandbits(32))
                assert chip.read(rng.choice(HOLES)) == 0
                shown = {name: chip.read(name) for name in WRITABLE}
                # The bits of an address within a bus word count as zero; whether they read back is left open.
                low = trial.config.bus_bytes - 1
                for both in (shown, held):
                    both["PROGRAM_ADDR"] &= ~low
                assert shown == held
            trial.behave()
            trial.reset()
            assert {name: chip.read(name) for name in WRITABLE if name != "PROGRAM_ADDR"} == {
                name: value for name, value in held.items() if name != "PROGRAM_ADDR"
            }, "a soft reset keeps these registers"
            assert {name: chip.read(name) for name in READ_ONLY} == fixed
            trial.instructions += 10


def test_a_program_in_several_runs_is_the_same_program(trials):
    """Address and length of each run are written while the one before runs."""
    for trial in trials:
        with trial:
            rng, chip = trial.rng, trial.chip
            job = trial.job(steps=rng.choice([2, 4]))
            memory, runs = split(job, rng)
            trial.behave()
            trial.memory = memory
            chip.attach(memory)
            chip.write("IRQ_ENABLE", 1)
            for number, (addr, length) in enumerate(runs):
                trial.instructions += length
                if number:
                    assert trial.outcome() == FINE
                else:
                    announce(chip, addr, length)
                trial.go()
                if number + 1 < len(runs):
                    chip.advance(rng.randrange(100), until_irq=True)
                    announce(chip, *runs[number + 1])
            assert trial.outcome() == FINE
            end = job.program.instructions_addr
            assert np.array_equal(memory[:end], job.memory[:end])


def announce(chip, addr, length):
    chip.write("PROGRAM_ADDR", addr)
    chip.write("PROGRAM_LENGTH", length)


def split(job, rng):
    """Return a memory with a job's program in parts that end with HALT, and address and length of each."""
    code, config = code_of(job.program), job.program.config
    # Not between a STREAM and the GEMMs that use it, which HALT would wait for, nor where all banks are full.
    cuts, words, banks = [0], 0, 0
    for index, instruction in enumerate(map(decode, code)):
        if not words and banks < config.acc_banks and rng.random() < 0.2:
            cuts.append(index)
        match instruction:
            case Stream(count=count):
                words += count
            case Gemm() as gemm:
                tiles = -(-gemm.n // config.cols)
                words -= 0 if gemm.b_scratchpad else tiles * config.cols * gemm.k_tiles
                banks += tiles * gemm.release
            case Drain(n=n):
                banks -= -(-n // config.cols)
    ends = [*cuts[1:], len(code)]
    parts = [code[start:end] + [Halt().encode()] * (end < len(code)) for start, end in zip(cuts, ends, strict=True)]
    data, runs = b"", []
    for part in parts:
        runs.append((job.program.instructions_addr + len(data), len(part)))
        data += b"".join(part)
    program = replace(
        job.program,
        instructions=np.frombuffer(data, np.uint8),
        memory_bytes=job.program.memory_bytes + len(data),
    )
    return program.memory_image(job.inputs), runs


def disturb(trial):
    """Access registers in a way that must do nothing to a running program."""
    rng, chip = trial.rng, trial.chip
    match rng.choice(["start", "read only", "hole", "writable", "read", "no strobe"]):
        case "start":
            chip.write("CONTROL", Control.START)
        case "read only":
            chip.write(rng.choice(READ_ONLY), rng.getrandbits(32))
        case "hole":
            chip.write(rng.choice(HOLES), rng.getrandbits(32))
        case "writable":
            chip.write(rng.choice(WRITABLE), rng.getrandbits(32), rng.randrange(16))
        case "read":
            chip.read(rng.randrange(0, 1 << ADDRESS_BITS, 4))
        case "no strobe":
            chip.write("CONTROL", (1 << 32) - 1, rng.choice([0, 2, 4, 8, 14]))
