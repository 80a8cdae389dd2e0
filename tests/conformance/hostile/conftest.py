"""``pytest tests/conformance/hostile --hostile N`` runs N random instructions in each test and configuration.

What goes wrong says which seed did it, and how to repeat that alone.
"""

import shutil
from collections.abc import Iterator

import pytest

from spec.config import AcceleratorConfig
from tests.conformance.hostile.trial import Trial

SLICE = 30
"""Instructions of each test and configuration without the option."""


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    # A board's bus is its own.
    return True if config.getoption("--board", None) else None


@pytest.fixture
def trials(request: pytest.FixtureRequest, config: AcceleratorConfig) -> Iterator[Trial]:
    """Trials until their programs had enough instructions."""
    if not any(map(shutil.which, ("clang++", "g++"))):
        pytest.skip("there is no C++ compiler")
    only = request.config.getoption("--hostile-seed", None)
    wanted = request.config.getoption("--hostile", None) or SLICE

    def made() -> Iterator[Trial]:
        done, seed = 0, 0 if only is None else only
        while done < wanted:
            trial = Trial(config, seed, f"pytest '{request.node.nodeid}' --hostile-seed {seed}")
            yield trial
            done, seed = done + trial.instructions, seed + 1
            if only is not None:
                break

    return made()
