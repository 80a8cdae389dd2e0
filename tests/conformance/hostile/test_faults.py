"""Errors on the bus, at any transfer: reported with the burst's address, and forgotten after a soft reset."""

from spec.isa import ErrorCode
from tests.conformance.hostile.trial import FINE

RESPONSES = (1, 2, 3)
"""All but OKAY; nobody asked for an exclusive access."""


def test_an_error_response_is_reported_whatever_transfer_carries_it(trials):
    for trial in trials:
        with trial:
            job, seen = trial.measured_job()
            for _ in range(3):
                write = seen.b and trial.rng.random() < 0.4
                ordinal = trial.rng.randrange(seen.b if write else seen.r)
                fault = {"fault_b" if write else "fault_r": ordinal, "fault_response": trial.rng.choice(RESPONSES)}
                expect(trial, job, ErrorCode.BUS_WRITE if write else ErrorCode.BUS_READ, fault)


def test_a_burst_that_ends_early_is_a_bus_error(trials):
    for trial in trials:
        with trial:
            job, seen = trial.measured_job()
            for _ in range(3):
                expect(trial, job, ErrorCode.BUS_READ, {"early_last": trial.rng.randrange(seen.ar)})


def test_a_burst_without_its_last_is_a_bus_error(trials):
    for trial in trials:
        with trial:
            job, seen = trial.measured_job()
            for _ in range(3):
                expect(trial, job, ErrorCode.BUS_READ, {"missing_last": trial.rng.randrange(seen.ar)})


def expect(trial, job, code, fault):
    trial.reset()
    trial.behave(**fault)
    outcome = trial.run(job)
    spoiled = trial.chip.seen.spoiled
    if spoiled < 0:  # the transfer came in the bursts of no instruction, or no burst had a beat to lose
        assert outcome == FINE
        trial.assert_exact(job)
    else:
        assert (outcome.code, outcome.addr) == (code, spoiled), fault
        trial.assert_nothing_else_written(job)
        trial.assert_refused()
    trial.chip.advance(trial.rng.randrange(400))
    trial.recover()
