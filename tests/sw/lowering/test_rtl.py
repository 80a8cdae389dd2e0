"""Lowered programs on the simulated hardware."""

from dataclasses import replace

import numpy as np
import pytest

from sim import open_device
from spec.device import Device
from spec.presets import PRESETS
from sw.lowering import MatmulLowering, NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward

CONFIG = PRESETS["tiny"]
MICRO = replace(PRESETS["icebreaker"], scratchpad_kib=4, vector_kib=4, param_words=64)


@pytest.fixture(scope="module")
def device() -> Device:
    return open_device("rtl", CONFIG)


@pytest.mark.parametrize("shape", [{}, {"layers": 1, "hidden": 15, "heads": 5, "ffn": 9, "labels": 3}], ids=str)
def test_bert_equals_the_reference(device: Device, shape: dict[str, int]) -> None:
    checkpoint = random_checkpoint(1, **shape)
    lowering = NetworkLowering(checkpoint, CONFIG)
    for length in (1, 2, 9, 32):
        program = lowering.lower(length)
        rows = embed(checkpoint, np.random.default_rng(length).integers(0, 64, length))
        padded = np.zeros(program.inputs["rows"].shape, np.int16)
        padded[:, : rows.shape[1]] = rows
        logits = device.run(program, {"rows": padded}).outputs["logits"]
        np.testing.assert_array_equal(logits[: len(checkpoint.labels)], forward(checkpoint, rows))


def test_bert_on_a_micro_core() -> None:
    checkpoint = random_checkpoint(2, layers=1)
    program = NetworkLowering(checkpoint, MICRO).lower(9)
    rows = embed(checkpoint, np.random.default_rng(9).integers(0, 64, 9))
    padded = np.zeros(program.inputs["rows"].shape, np.int16)
    padded[:, : rows.shape[1]] = rows
    logits = open_device("rtl", MICRO).run(program, {"rows": padded}).outputs["logits"]
    np.testing.assert_array_equal(logits[: len(checkpoint.labels)], forward(checkpoint, rows))


@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (17, 5, 30), (40, 33, 7), (3, 5, 4000)])
def test_product_equals_numpy(device: Device, m: int, n: int, k: int) -> None:
    rng = np.random.default_rng(m)
    a, b = rng.integers(0, 256, (m, k), np.uint8), rng.integers(-128, 128, (k, n), np.int8)
    product = MatmulLowering(CONFIG, m, n, k, a_unsigned=True)
    result = product.unpack(device.run(product.program, product.pack(a, b)).outputs["c"])
    np.testing.assert_array_equal(result, a.astype(np.int32) @ b.astype(np.int32))
