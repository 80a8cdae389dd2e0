"""Programs that break a rule: code, index and address are the model's, and so is every byte of memory."""

from spec.isa import ErrorCode, Gemm, Load, Stream
from tests.conformance.assembler import Assembler
from tests.conformance.hostile.code import code_of, spoiled, with_code
from tests.conformance.hostile.trial import FINE, Job

BROKEN_RULES = {ErrorCode.ILLEGAL_OPCODE, ErrorCode.ILLEGAL_FIELD, ErrorCode.OUT_OF_RANGE, ErrorCode.NO_HALT}
"""Errors after which the memory is defined."""


def test_broken_programs_are_reported_as_the_model_does(trials):
    for trial in trials:
        with trial:
            valid = trial.job(steps=trial.rng.choice([1, 3, 6]), junk=False, finish=False)
            job = Job(with_code(valid.program, broken(code_of(valid.program), trial.rng)), valid.inputs)
            trial.behave()
            expect(trial, job)


def test_weights_that_nobody_uses_do_not_hide_an_error(trials, config):
    for trial in trials:
        with trial:
            rng = trial.rng
            asm = Assembler(config)
            words = rng.choice([1, config.cols, config.weight_fifo_words, 3 * config.weight_fifo_words])
            weights = asm.constant(bytes(words * config.rows))
            asm.add(Stream(mem_addr=weights, count=words))
            if words >= config.cols and rng.random() < 0.5:
                asm.add(Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
            end = rng.choice([bytes(32), Load(target=7, count=1), Load(count=0), None])
            if end is not None:
                asm.add(end)
            trial.behave()
            expect(trial, Job(asm.program(halt=False, tokens=False), {}))


def expect(trial, job):
    """Run a program that stops with an error, or may be racing where it does not."""
    assert trial.run(job) == job.outcome
    trial.assert_nothing_else_written(job)
    if job.outcome != FINE:
        trial.assert_refused()
        assert trial.chip.irq
    if job.outcome.code in BROKEN_RULES:
        trial.assert_exact(job)
    trial.recover()


def broken(code, rng):
    """Return instructions of which one is spoiled, or that end too early."""
    code, at = list(code), rng.randrange(len(code))
    match rng.choice(["spoiled", "spoiled", "spoiled", "random", "zero", "no halt"]):
        case "spoiled":
            code[at] = spoiled(code[at], rng)
        case "random":
            opcode = rng.choice([2, 3, 4, 5, 6, rng.randrange(16)])
            word = rng.getrandbits(256) & ~15 | opcode
            code[at] = word.to_bytes(32, "little")
        case "zero":
            code[at] = bytes(32)
        case "no halt":
            code = code[: rng.randrange(1, len(code))]
    return code
