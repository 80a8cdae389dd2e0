"""Sums over the rows equal the integer reference bit for bit, on arrays and texts of any shape."""

from dataclasses import replace

import numpy as np
import pytest

from sim import open_device
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode
from spec.presets import PRESETS
from spec.rules import check
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.network import Network
from sw.network.norm import Norm
from sw.network.pool import Pool
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from sw.network.select import Select


def pooled(seed: int, *, first: bool = False, **shape: int) -> Checkpoint:
    """A random checkpoint that ends with the mean of its last norm's rows, or with its first row."""
    made = random_checkpoint(seed, **shape)
    nodes = [node for node in made.network.nodes if node.name not in ("first", "pooler", "classifier")]
    norm = nodes[-1]
    assert isinstance(norm, Norm)
    if first:
        nodes.insert(-1, Select(name="first", row=0))
    scale = np.ones(norm.g.size, np.float32)
    nodes.append(Pool(name="pool", scale=scale, offset=scale, slot_channel=norm.slot_channel, normalise=False))
    return replace(made, network=Network(tuple(nodes)), task="embedding", labels=())


def assert_exact(checkpoint: Checkpoint, config: AcceleratorConfig, *lengths: int) -> None:
    """Compare the programs of some lengths with the reference, on the integer model."""
    lowering, device = NetworkLowering(checkpoint, config), open_device("model", config)
    for length in lengths:
        program = lowering.lower(length)
        assert [i for i in program if check(config, i)[0] != ErrorCode.NONE] == []
        ids = np.random.default_rng(length).integers(0, len(checkpoint.network.embed.word), length)
        rows = embed(checkpoint, ids)
        padded = np.pad(rows, ((0, 0), (0, program.inputs["rows"].shape[1] - rows.shape[1])))
        sums = device.run(program, {"rows": padded}).outputs["logits"]
        expected = forward(checkpoint, rows)
        assert expected.any()
        np.testing.assert_array_equal(sums[: len(expected)], expected, err_msg=f"length {length}")


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@pytest.mark.parametrize("cols", [1, 4, 5])
@pytest.mark.parametrize("first", [False, True])
def test_any_array(rows: int, cols: int, first: bool) -> None:
    memories = {"acc_depth": 4, "scratchpad_kib": 16, "vector_kib": 16, "param_words": 64, "weight_fifo_words": 32}
    config = AcceleratorConfig(rows=rows, cols=cols, **memories)
    assert_exact(pooled(rows * 8 + cols, first=first), config, 1, 2, 13, 32)


@pytest.mark.parametrize("slots", [0, 1, 17])
def test_slots_follow_the_channels(slots: int) -> None:
    assert_exact(pooled(3, hidden=20, heads=5, slots=slots), PRESETS["icebreaker"], 1, 9, 16)


def test_channels_go_in_groups_where_there_is_little_room() -> None:
    checkpoint = pooled(4, hidden=48, heads=4, slots=100, positions=64)
    config = replace(PRESETS["tiny"], rows=4, cols=4, scratchpad_kib=16, vector_kib=16, acc_depth=16)
    program = NetworkLowering(checkpoint, config).lower(60)
    assert sum(label == "pool.sum" for label in program.labels) > 1
    assert_exact(checkpoint, config, 60)


def test_vector_is_the_mean_of_what_codes_stand_for() -> None:
    pool = Pool(
        name="pool",
        scale=np.array([0.5, 2], np.float32),
        offset=np.array([1, -1], np.float32),
        slot_channel=np.array([1], np.int32),
        normalise=False,
    )
    np.testing.assert_array_equal(pool.vector(np.array([8, 2, 4]), 4), np.array([2, 2], np.float32))
    unit = replace(pool, normalise=True).vector(np.array([8, 2, 4]), 4)
    np.testing.assert_allclose(unit, [0.5**0.5, 0.5**0.5])
    assert replace(pool, normalise=True, offset=pool.scale * 0).vector(np.zeros(3, np.int32), 4).tolist() == [0, 0]


def test_no_program_is_for_all_lengths() -> None:
    with pytest.raises(ValueError, match=r"^texts of 1 and 20 tokens take other instructions$"):
        NetworkLowering(pooled(9), PRESETS["default"]).lower_up_to(20)
