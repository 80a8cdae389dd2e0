"""Every test here runs on every backend and every configuration."""

import shutil

import numpy as np
import pytest

from hw.config import AcceleratorConfig
from sim import open_device
from sim.device import Device
from tests.conformance.configs import CONFIGS

BACKENDS = ("model", "rtl")

OPTIONS = {"rtl": {"patience": 20_000}}
"""Programs here are short: a hang may show soon."""


def _missing(backend: str) -> str:
    """Return why a backend cannot be tested here."""
    if backend == "rtl" and not any(map(shutil.which, ("clang++", "g++"))):
        return "there is no C++ compiler"
    return ""


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if reason := _missing(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session", params=CONFIGS)
def config(request: pytest.FixtureRequest) -> AcceleratorConfig:
    return CONFIGS[request.param]


@pytest.fixture(scope="session")
def device(backend: str, config: AcceleratorConfig) -> Device:
    return open_device(backend, config, **OPTIONS.get(backend, {}))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2026)
