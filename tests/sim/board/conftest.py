"""Which boards are simulated: one with each kind of memory, or with ``pytest tests/sim/board --every-board`` all."""

import pytest

from spec.boards import BOARDS

FEW = ("icebreaker", "ulx3s_12f")
"""One with flash, one with SDRAM; compilers take longest for the larger ones, which differ in the array alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-board", action="store_true", help="simulate all boards, which takes some minutes more")


@pytest.fixture
def _every_board(request: pytest.FixtureRequest) -> None:
    """For tests with a board of their own."""
    if not request.config.getoption("--every-board", False):
        pytest.skip("pytest tests/sim/board --every-board runs it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "board_name" in metafunc.fixturenames:
        # Without the option on the command line this file is read too late to add it.
        every = metafunc.config.getoption("--every-board", False)
        metafunc.parametrize("board_name", BOARDS if every else FEW)
