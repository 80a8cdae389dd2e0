"""Random programs on a bus whose channels stall on their own: every byte of the memory equals the model's."""

import numpy as np

from tests.conformance.hostile.trial import FINE
from tests.conformance.interpreter import interpret


def test_valid_programs_leave_the_models_memory_and_nothing_else(trials, config):
    for trial in trials:
        with trial:
            job = trial.job(steps=trial.rng.choice([2, 4] if config.core == "micro" else [4, 12, 30]))
            trial.behave()
            assert trial.run(job) == FINE
            trial.assert_exact(job)


def test_the_model_itself_equals_the_interpreter(trials):
    for trial in trials:
        with trial:
            job = trial.job(steps=4)
            trial.instructions += job.length
            outputs = job.program.read_outputs(job.memory)
            for name, values in interpret(job.program, job.inputs).items():
                np.testing.assert_array_equal(outputs[name], values, err_msg=name)
