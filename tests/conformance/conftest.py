"""Every test here runs on every backend and every configuration.

``pytest tests/conformance --board PORT --preset NAME`` tests a board and nothing else; with ``--board simulated`` that
is the complete board in simulation, in all configurations that it can have, or in those of ``-k``.
"""

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from host.board import BoardDevice
from host.link.client import LinkClient
from sim import open_device
from sim.board import SimulatedPort
from spec.config import AcceleratorConfig
from spec.device import Device
from spec.link import REMEMBERED
from spec.presets import PRESETS
from tests.conformance.configs import CONFIGS, SHORT

SIMULATED = "simulated"

WIDEST_LINK = 16
"""Bytes of the memory bus of boards."""

BOARD_PATIENCE = 500
"""Milliseconds; programs here are short: a hang may show soon."""

PATIENCE, MICRO_PATIENCE = 20_000, 300_000
"""The same in cycles; where one instruction follows the other, nothing shows until it is done."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--board", metavar="PORT", help="serial port of a board to test, or 'simulated'")
    parser.addoption("--hostile", metavar="N", type=int, help="random instructions in each test of hostile buses")
    parser.addoption("--hostile-seed", metavar="SEED", type=int, help="the only seed of those tests")
    parser.addoption("--preset", choices=sorted(PRESETS), help="configuration of that board")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # Without such an option on the command line this file is read too late to add it.
    board = metafunc.config.getoption("--board", None)
    backends: tuple[str, ...] = ("model", "rtl")
    configs = CONFIGS
    if board == SIMULATED:
        backends, configs = ("board",), {name: c for name, c in CONFIGS.items() if c.bus_bytes <= WIDEST_LINK}
    elif board:
        preset = metafunc.config.getoption("--preset")
        if not preset:
            raise pytest.UsageError("--board PORT needs --preset with the board's configuration")
        backends, configs = ("board",), {preset: PRESETS[preset]}
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", backends, indirect=True, scope="session")
    if "config" in metafunc.fixturenames:
        params = [
            pytest.param(config, id=name, marks=() if board or name in SHORT else pytest.mark.long)
            for name, config in configs.items()
        ]
        metafunc.parametrize("config", params, indirect=True, scope="session")


def _missing(backend: str, board: str | None) -> str:
    """Return why a backend cannot be tested here."""
    compiled = backend == "rtl" or board == SIMULATED
    if compiled and not any(map(shutil.which, ("clang++", "g++"))):
        return "there is no C++ compiler"
    return ""


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    if reason := _missing(request.param, request.config.getoption("--board", None)):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session")
def config(request: pytest.FixtureRequest) -> AcceleratorConfig:
    return request.param


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest, backend: str, config: AcceleratorConfig) -> Iterator[Device]:
    if backend != "board":
        patience = MICRO_PATIENCE if config.core == "micro" else PATIENCE
        yield open_device(backend, config, **({"patience": patience} if backend == "rtl" else {}))
    elif (name := request.config.getoption("--board")) != SIMULATED:
        yield BoardDevice.open(config, port=name)
    else:
        # One edge of both clocks at a time and short bits: quick to simulate.
        port = SimulatedPort(config, clocks={"sync": 50_000_000, "sdram": 50_000_000}, baud=12_500_000)
        client = LinkClient(port, bus_bytes=config.bus_bytes, window=REMEMBERED)
        yield BoardDevice(client, config, patience=BOARD_PATIENCE)
        assert port.violations == {}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2026)
