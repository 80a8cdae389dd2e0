"""Models of every family from a folder to the hardware: integers near the floats, programs equal to the integers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

from sim import open_device
from spec.config import AcceleratorConfig
from spec.device import Device
from spec.isa import ErrorCode
from spec.presets import PRESETS
from spec.rules import check
from sw.apps.compare import compare_networks
from sw.families.load import load_model
from sw.families.real import RealNetwork
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.reference import embed, forward
from sw.quantizer.quantize import quantize_network
from tests.sw.families.odd_models import ODD_MODELS
from tests.sw.families.random_model import random_model

MOST_ERROR = 0.08
"""Of any norm's rows, relative; random weights make attention sharper than trained ones do."""

MOST_DIFFERENCE = 0.12
"""Mean distance of results from the floats', in spreads of these."""

Made = Callable[[str], tuple[RealNetwork, Checkpoint]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A case's float model, and its integers."""

    @cache
    def make(case: str) -> tuple[RealNetwork, Checkpoint]:
        family, settings = ODD_MODELS[case]
        model = load_model(random_model(tmp_path_factory.mktemp("model"), family, **settings))
        return model, quantize_network(model, texts(model, 40))

    return make


def texts(model: RealNetwork, count: int, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(5, 60, length).tolist() for length in rng.integers(2, model.positions + 1, count)]


@pytest.mark.parametrize("case", ODD_MODELS)
def test_integers_are_near_the_floats(made: Made, case: str) -> None:
    model, checkpoint = made(case)
    fresh = texts(model, 30, seed=1)
    comparison = compare_networks(model, checkpoint, fresh)
    assert max(comparison.relative_error.values()) < MOST_ERROR
    spread = np.std([model.forward(ids) for ids in fresh], axis=0).mean()
    assert comparison.logit_difference < MOST_DIFFERENCE * spread


@pytest.mark.parametrize("case", ODD_MODELS)
def test_checkpoints_are_whole_on_disk(made: Made, case: str, tmp_path: Path) -> None:
    model, checkpoint = made(case)
    checkpoint.save(tmp_path / "checkpoint.safetensors")
    loaded = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    rows = embed(checkpoint, [7, 8, 9])
    np.testing.assert_array_equal(forward(loaded, rows), forward(checkpoint, rows))
    assert (loaded.task, loaded.labels) == (model.task, model.labels)


def assert_exact(checkpoint: Checkpoint, device: Device, *lengths: int) -> None:
    lowering = NetworkLowering(checkpoint, device.config)
    for length in lengths:
        program = lowering.lower(length)
        assert [i for i in program if check(device.config, i)[0] != ErrorCode.NONE] == []
        rows = embed(checkpoint, np.random.default_rng(length).integers(5, 60, length))
        results = device.run(program, {"rows": rows}).outputs["logits"]
        np.testing.assert_array_equal(results, forward(checkpoint, rows), err_msg=f"length {length}")


@pytest.mark.parametrize("case", ODD_MODELS)
@pytest.mark.parametrize(("rows", "cols", "acc_depth"), [(4, 4, 16), (3, 5, 8), (8, 2, 64), (1, 1, 4)])
def test_programs_equal_the_integers_on_any_array(made: Made, case: str, rows: int, cols: int, acc_depth: int) -> None:
    memories = {"scratchpad_kib": 32, "vector_kib": 32, "param_words": 256, "weight_fifo_words": 32}
    config = AcceleratorConfig(rows=rows, cols=cols, acc_depth=acc_depth, **memories)
    assert_exact(made(case)[1], open_device("model", config), 1, 2, 13, 40)


@pytest.mark.parametrize("case", ODD_MODELS)
def test_a_micro_core_runs_every_family(made: Made, case: str) -> None:
    assert_exact(made(case)[1], open_device("model", PRESETS["icebreaker"]), 2, 17)


@pytest.fixture(scope="module")
def hardware() -> Device:
    return open_device("rtl", PRESETS["tiny"])


@pytest.mark.parametrize("case", ODD_MODELS)
def test_hardware_equals_the_integers(made: Made, hardware: Device, case: str) -> None:
    assert_exact(made(case)[1], hardware, 2, 7)
