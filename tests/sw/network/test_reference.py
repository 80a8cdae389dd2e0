"""The integer reference: exact products, order of tokens, rows that matter, and the host's embedding."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.sw.network.nodes import node_of, with_node


def rows_of(checkpoint: Checkpoint, length: int, seed: int = 0) -> NDArray[np.int16]:
    ids = np.random.default_rng(seed).integers(0, len(checkpoint.network.embed.word), length)
    return embed(checkpoint, ids)


@pytest.mark.parametrize("length", [1, 2, 7, 32])
@pytest.mark.parametrize(
    "shape", [{}, {"slots": 0}, {"layers": 1, "labels": 1}, {"hidden": 12, "heads": 3, "ffn": 20}, {"heads": 16}]
)
def test_logits_are_int32_one_a_label(length: int, shape: dict[str, int]) -> None:
    checkpoint = random_checkpoint(3, **shape)
    logits = forward(checkpoint, rows_of(checkpoint, length))
    assert logits.shape == (len(checkpoint.labels),)
    assert logits.dtype == np.int32


def test_logits_depend_on_every_row() -> None:
    checkpoint = random_checkpoint(1)
    rows = rows_of(checkpoint, 6)
    expected = forward(checkpoint, rows)
    for i in range(6):
        changed = rows.copy()
        changed[i] = changed[i, ::-1]
        assert (forward(checkpoint, changed) != expected).any()


def test_logits_do_not_depend_on_the_order_of_the_other_rows() -> None:
    checkpoint = random_checkpoint(2, layers=3)
    rows = rows_of(checkpoint, 9)
    np.testing.assert_array_equal(forward(checkpoint, rows), forward(checkpoint, rows[[0, *range(8, 0, -1)]]))


def test_steps_are_observed_in_order_and_in_range() -> None:
    checkpoint = random_checkpoint(1, layers=2)
    seen: dict[str, NDArray[np.int64]] = {}
    forward(checkpoint, rows_of(checkpoint, 5), seen.__setitem__)
    steps = ("input_norm", "attention.scores", "attention.context", "output", "mid_norm", "ffn1", "ffn2")
    last = ["pooler_norm", "pooler", "classifier"]
    assert list(seen) == [f"layers.{i}.{step}" for i in range(2) for step in steps] + last
    assert seen["layers.0.attention.scores"].shape == (2, 5, 5)
    assert seen["layers.1.attention.scores"].shape == (2, 1, 5)
    assert seen["layers.0.ffn1"].shape == (5, 35)
    for name, bits in (
        *(("input_norm", 16), ("attention.scores", 16), ("attention.context", 8), ("output", 16)),
        *(("mid_norm", 16), ("ffn2", 16)),
    ):
        for i in range(2):
            values = seen[f"layers.{i}.{name}"]
            assert values.min() >= -(1 << (bits - 1))
            assert values.max() < 1 << (bits - 1)
            assert values.std() > 0


def test_long_sums_are_exact() -> None:
    """2,048 products of 255 * -127 are beyond what one float32 holds; the logits show their low bits."""
    checkpoint = random_checkpoint(1, layers=1, hidden=4, heads=1, ffn=2048, slots=1)
    weight = np.full_like(node_of(checkpoint, "layers.0.ffn2").weight, -127)
    weight[:, ::3] = 126
    changes = {"mul": np.full(4, 1, np.int32), "pre_shift": 11, "shift": 0, "bias": np.arange(4, dtype=np.int32)}
    made = with_node(checkpoint, "layers.0.ffn2", weight=weight, **changes)
    table = dataclasses.replace(node_of(made, "layers.0.ffn1").then, table=np.full(2048, 255, np.uint8))
    made = with_node(made, "layers.0.ffn1", then=table)
    seen: dict[str, NDArray[np.int64]] = {}
    forward(made, rows_of(checkpoint, 1), seen.__setitem__)
    middle, h = seen["layers.0.ffn1"], seen["layers.0.mid_norm"]
    assert (middle[0, :2048] == 255).all()
    sums = middle @ weight.T.astype(np.int64) + np.arange(4)
    assert abs(sums).min() > 1 << 23
    then = node_of(made, "layers.0.ffn2").then
    residual = (h * then.mul + (1 << then.shift >> 1)) >> then.shift
    expected = np.clip(((sums + 1024) >> 11) + residual, -32768, 32767)
    np.testing.assert_array_equal(seen["layers.0.ffn2"], expected)


def test_embedding_rounds_and_saturates() -> None:
    checkpoint = random_checkpoint(1, hidden=4, heads=1, vocabulary=2, positions=2)
    made = with_node(
        checkpoint,
        "embed",
        word=np.array([[1, -1, 127, -127], [2, 3, 4, 5]], np.int8),
        word_scale=np.array([0.5, 1], np.float32),
        position=np.array([[0.25, 0, 40000, -40000], [0.75, 0.25, 0, 1]], np.float32),
    )
    rows = embed(made, [0, 1])
    assert rows.dtype == np.int16
    assert rows.tolist() == [[1, 0, 32767, -32768], [3, 3, 4, 6]]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "must be a list of 1 to 32 ids"),
        ([0] * 33, r"must be a list of 1 to 32 ids, not an array of shape \(33,\)"),
        ([[0]], "must be a list of 1 to 32 ids"),
        ([0, 64], "token ids must be from 0 to 63, not 0 to 64"),
        ([-1], "token ids must be from 0 to 63, not -1 to -1"),
    ],
)
def test_wrong_ids_are_refused(ids: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        embed(random_checkpoint(1), ids)


def test_results_are_those_of_the_last_operator() -> None:
    checkpoint = random_checkpoint(4)
    seen: dict[str, NDArray[np.int64]] = {}
    logits = forward(checkpoint, rows_of(checkpoint, 3), seen.__setitem__)
    np.testing.assert_array_equal(seen["classifier"], logits[np.newaxis])
