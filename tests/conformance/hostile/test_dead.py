"""Memories that stop: a time-out, a soft reset that waits, and a next job that the late answers do not reach."""

import pytest

from spec.isa import ErrorCode
from spec.registers import Control, Status

CHANNELS = ("ar", "r", "aw", "w", "b")


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_soft_reset_lasts_until_the_bus_has_answered(trials, config, channel):
    for trial in trials:
        with trial:
            rng, chip = trial.rng, trial.chip
            job = stop(trial, channel)
            chip.write("CONTROL", Control.SOFT_RESET)
            chip.advance(rng.randrange(rng.choice([10, 3000, 3 * config.timeout_cycles])))
            assert trial.status == Status.RESETTING
            if rng.random() < 0.7:
                trial.assert_refused()
                chip.advance(rng.randrange(3000))
            if rng.random() < 0.3:
                chip.write("CONTROL", Control.SOFT_RESET)
            assert trial.status & Status.RESETTING
            trial.behave()
            trial.await_reset()
            trial.assert_nothing_else_written(job)
            trial.assert_next_job_exact()


@pytest.mark.parametrize("channel", CHANNELS)
def test_answers_that_come_before_the_soft_reset_are_forgotten_too(trials, channel):
    for trial in trials:
        with trial:
            job = stop(trial, channel)
            trial.behave()
            trial.chip.advance(trial.rng.randrange(2000))
            trial.reset()
            trial.assert_nothing_else_written(job)
            trial.assert_next_job_exact()


def stop(trial, channel):
    """Run a job until its memory stops and the chip says so; return the job."""
    job, seen = trial.measured_job(writes=True)
    trial.reset()
    trial.behave(**{f"stop_{channel}": trial.rng.randrange(getattr(seen, channel))})
    outcome = trial.run(job)
    assert outcome.code == ErrorCode.BUS_TIMEOUT
    assert outcome.addr in trial.chip.awaited
    assert trial.chip.violations() == ""
    return job
