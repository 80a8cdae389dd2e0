"""Soft resets amid a program, at any cycle and several at once: AXI is kept, and the next job is exact."""

from spec.registers import Control, Status


def test_a_soft_reset_at_any_cycle_leaves_a_clean_chip(trials, config):
    for trial in trials:
        with trial:
            rng, chip = trial.rng, trial.chip
            job = trial.job(steps=rng.choice([2, 4, 12]))
            trial.behave()
            trial.attach(job)
            trial.start(job)
            spans = [500, 5_000, 60_000] if config.core == "micro" else [50, 500, 5_000]
            chip.advance(rng.randrange(rng.choice(spans)), until_irq=rng.random() < 0.5)
            control = rng.choice([Control.SOFT_RESET, Control.SOFT_RESET | Control.START])
            chip.write("CONTROL", control)
            assert not trial.status & (Status.BUSY | Status.DONE | Status.ERROR)
            if control & Control.START:
                assert trial.status & Status.REFUSED, "START together with SOFT_RESET is refused"
            for _ in range(rng.randrange(3)):
                chip.advance(rng.randrange(20))
                chip.write("CONTROL", rng.choice([Control.SOFT_RESET, Control.SOFT_RESET | Control.START]))
            trial.await_reset()
            trial.assert_nothing_else_written(job)
            trial.behave()
            trial.assert_next_job_exact()


def test_a_start_amid_a_program_or_a_reset_is_refused(trials):
    for trial in trials:
        with trial:
            rng, chip = trial.rng, trial.chip
            job = trial.job(steps=2)
            trial.behave()
            trial.attach(job)
            trial.start(job)
            chip.advance(rng.randrange(200))
            trial.assert_refused()
            chip.write("CONTROL", Control.SOFT_RESET)
            if trial.status & Status.RESETTING:
                chip.write("CONTROL", Control.START)
            trial.await_reset()
            assert not trial.status & Status.BUSY
            trial.assert_next_job_exact()
            assert not trial.status & Status.REFUSED, "a START that does something clears REFUSED"
