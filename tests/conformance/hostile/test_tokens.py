"""Tokens: a program ends, or is reported as a deadlock, just as the model says."""

from dataclasses import replace

from spec.isa import MOST_TOKENS, Engine, ErrorCode, Gemm, Load, decode
from tests.conformance.assembler import Assembler
from tests.conformance.hostile.code import code_of, with_code
from tests.conformance.hostile.trial import FINE, Job, Outcome

DEADLOCK = Outcome(ErrorCode.DEADLOCK)

LOAD = Load(count=1, signal=1 << Engine.ARRAY)
GEMM = Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, clear=1, wait=1 << Engine.LOAD)


def test_any_waits_and_signals_end_as_the_model_says(trials):
    for trial in trials:
        with trial:
            valid = trial.job(steps=trial.rng.choice([1, 2, 4]), finish=False)
            job = Job(with_code(valid.program, other_tokens(code_of(valid.program), trial.rng)), valid.inputs)
            trial.behave()
            expect(trial, job)


def test_more_tokens_than_fit_wait_for_room(trials, config):
    for trial in trials:
        with trial:
            asm = Assembler(config)
            ahead = MOST_TOKENS + trial.rng.randint(-1, 2 * config.queue_depth + 3)
            asm.add(*[LOAD] * ahead, *[GEMM] * ahead)
            trial.behave()
            expect(trial, Job(asm.program(tokens=False), {}))


def test_both_sides_of_the_most_tokens_are_met(config):
    def outcome(ahead):
        asm = Assembler(config)
        asm.add(*[LOAD] * ahead, *[GEMM] * ahead)
        return Job(asm.program(tokens=False), {}).outcome

    assert (outcome(MOST_TOKENS), outcome(MOST_TOKENS + 2 * config.queue_depth + 3)) == (FINE, DEADLOCK)


def test_tokens_stay_until_a_soft_reset(trials, config):
    giver, taker = Assembler(config), Assembler(config)
    giver.add(LOAD)
    taker.add(GEMM)
    give, take = (Job(asm.program(tokens=False), {}) for asm in (giver, taker))
    for trial in trials:
        with trial:
            trial.behave()
            assert trial.run(give) == FINE
            reset = trial.rng.random() < 0.5
            if reset:
                trial.reset()
            assert trial.run(take) == (DEADLOCK if reset else FINE)
            trial.recover()


def expect(trial, job):
    assert trial.run(job) == job.outcome
    trial.assert_nothing_else_written(job)
    trial.recover()


def other_tokens(code, rng):
    """Return instructions of which some wait for and signal whom they like."""
    code = list(code)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(code))
        instruction = decode(code[at])
        if instruction.engine is not None:
            others = 0b111 & ~(1 << instruction.engine)
            field = rng.choice(["wait", "signal"])
            code[at] = replace(instruction, **{field: rng.randrange(8) & others}).encode()
    return code
