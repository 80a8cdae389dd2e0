"""After a soft reset nothing of an earlier job is left that a program, or a host that looks at counters, can see."""

from functools import cache

import numpy as np

from spec.config import AcceleratorConfig
from spec.isa import (
    TABLE_ENTRIES,
    Destination,
    Drain,
    Gemm,
    Halt,
    LoadTarget,
    ParamMode,
    Stats,
    Stream,
    Sweep,
    SweepKind,
)
from spec.registers import COUNTERS
from tests.conformance.assembler import Assembler
from tests.conformance.hostile.behaviour import Behaviour
from tests.conformance.hostile.code import code_of, with_code
from tests.conformance.hostile.trial import FINE, Job, Trial

TABLE_SAMPLES = 24


def test_a_soft_reset_leaves_nothing_of_any_memory(trials, config):
    probe = probe_of(config)
    for trial in trials:
        with trial:
            run_secret(trial)
            trial.behave()
            trial.reset()
            assert trial.run(probe) == FINE
            trial.assert_exact(probe)


def test_a_program_takes_the_same_cycles_whatever_came_before(trials, config):
    for trial in trials:
        with trial:
            run_secret(trial)
            trial.behave()
            trial.reset()
            assert timing(trial) == timing_on_a_new_chip(config)


def run_secret(trial):
    """Run something that fills memories and ends in one of many ways, or does not end."""
    rng, chip, config = trial.rng, trial.chip, trial.config
    job = trial.job(steps=2 if config.core == "micro" else rng.choice([2, 6]), finish=False)
    code = code_of(job.program)
    end, fault = [Halt().encode()], {}
    rows = min(config.acc_depth, config.scratchpad_words)
    release = Gemm(m=rows, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1).encode()
    kind = rng.choice(["whole", "amid", "weights left", "fault", "illegal", "banks full"])
    match kind:
        case "weights left":
            words = min(config.weight_fifo_words + 3, job.program.constants.size // config.rows)
            end = [Stream(mem_addr=align(job.program.constants_addr, config), count=words).encode(), *end]
        case "banks full":
            end = [*[release] * config.acc_banks, *end]
        case "illegal":
            end = [*[release] * rng.randrange(config.acc_banks), bytes(32)]
        case "fault":
            fault = {"fault_r": rng.randrange(1500)}
    secret = Job(with_code(job.program, [*code[:-1], *end]), job.inputs)
    trial.behave(**fault)
    trial.attach(secret)
    trial.start(secret)
    if kind == "amid":
        chip.advance(rng.randrange(300_000 if config.core == "micro" else 6_000), until_irq=True)
    else:
        trial.outcome()


def align(addr, config):
    return -(-addr // config.bus_bytes) * config.bus_bytes


@cache
def timing_on_a_new_chip(config: AcceleratorConfig) -> list[int]:
    with Trial(config, 0, "") as trial:
        return timing(trial)


def timing(trial):
    """Return the counters of the probe on a memory that always takes the same time."""
    trial.chip.behave(Behaviour())
    assert trial.run(probe_of(trial.config)) == FINE
    return [trial.chip.read(counter.name) for counter in COUNTERS]


@cache
def probe_of(config: AcceleratorConfig) -> Job:
    """Return a program that brings what it finds in every memory to outputs."""
    asm = Assembler(config)
    rows = min(config.acc_depth, config.scratchpad_words, config.vector_words)

    def sums(m: int, **fields: int) -> None:
        """A bank of what is there already, or of zeros."""
        asm.stream(np.zeros((config.cols, config.rows), np.int8))
        asm.add(Gemm(m=m, n=config.cols, k_tiles=1, release=1, **fields))

    for bank in range(2 * config.acc_banks):
        sums(rows)
        asm.drain_to_memory(f"bank_{bank}", rows, config.cols, param_mode=ParamMode.FIXED)
    for start in range(0, config.param_words, min(rows, config.param_words)):
        count = min(rows, config.param_words - start)
        sums(count, clear=1)
        asm.drain_to_memory(f"params_{start}", count, config.cols, param_mode=ParamMode.ROW, param_addr=start)
    asm.dump_scratchpad("scratchpad")
    asm.dump_vector("vector")
    wide = {"clip_low": -(1 << 15), "clip_high": (1 << 15) - 1}

    # Scalars, then moments, then maxima, each from rows of zeros.
    asm.load_vector(0, np.zeros((rows, config.lanes), np.int16))
    layernorm = Sweep(kind=SweepKind.LAYERNORM, m=rows, n=1, src_stride=1, dest_stride=1, **wide)
    asm.add(layernorm)
    asm.dump_vector("scalars")
    for stats, name in ((Stats.MOMENTS, "moments"), (Stats.MAX, "maxima")):
        sums(rows, clear=1)
        drain = Drain(m=rows, n=1, dest=Destination.VECTOR, dest_stride=1, stats=stats, **wide)
        if stats == Stats.MOMENTS:
            asm.add(Drain(**{**vars(drain), "stats_last": 1, "row_length": 2}), layernorm)
            asm.dump_vector(name)
        else:
            asm.add(drain)
    tables(asm, rows)
    ramp = (np.arange(TABLE_ENTRIES) % 255 + 1).astype(np.uint8)
    asm.load(LoadTarget.TABLE, 0, ramp, TABLE_ENTRIES // 8)
    asm.load_vector(0, np.zeros((rows, config.lanes), np.int16))
    asm.add(Sweep(kind=SweepKind.SOFTMAX, m=rows, n=1, src_stride=1, dest_stride=1))
    asm.dump_scratchpad("maxima")
    job = Job(asm.program(), {})
    assert job.outcome == FINE
    return job


def tables(asm: Assembler, rows: int) -> None:
    """Bring entries of all tables to the scratchpad and that to outputs."""
    config = asm.config
    rng = np.random.default_rng(5)
    places = [(table, int(entry)) for table in range(config.tables) for entry in rng.integers(0, 2048, TABLE_SAMPLES)]
    for start in range(0, len(places), rows):
        part = places[start : start + rows]
        for word, (table, entry) in enumerate(part):
            asm.add(Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, clear=1, release=1))
            asm.add(
                Drain(
                    m=1,
                    n=1,
                    dest=Destination.SCRATCHPAD,
                    dest_addr=word,
                    dest_stride=1,
                    clip_low=entry,
                    clip_high=entry,
                    table_enable=1,
                    table=table,
                )
            )
        asm.dump_scratchpad(f"tables_{start}")
