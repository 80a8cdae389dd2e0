"""Shapes that operators ask of their tensors."""

from typing import Any

import numpy as np
import pytest

from sw.network.arrays import Widths
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from tests.sw.network.nodes import node_of, with_node

BEHIND_NORM = Widths(rows=16, normalised=True, channels=16, slots=3)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return random_checkpoint(0, layers=1, hidden=16, heads=2, ffn=24, vocabulary=40, positions=32, labels=5, slots=3)


SHAPES: dict[str, tuple[Widths, dict[str, tuple[int, ...]]]] = {
    "embed": (Widths(rows=0), {"word_scale": (40,), "position": (32, 16)}),
    "layers.0.input_norm": (
        Widths(rows=16),
        {"g": (16,), "b": (16,), "slot_channel": (3,), "slot_g": (3,), "slot_b": (3,)},
    ),
    "layers.0.attention": (
        BEHIND_NORM,
        {
            **{f"{part}.weight": (16, 19) for part in ("query", "key", "value")},
            **{f"{part}.{field}": (16,) for part in ("query", "key", "value") for field in ("bias", "mul")},
            **dict.fromkeys(("score_mul", "score_pre_shift", "score_shift"), (2,)),
            "softmax_table": (2048,),
            "context_mul": (16,),
        },
    ),
    "layers.0.output": (
        Widths(rows=16, normalised=True, channels=16),
        {"weight": (16, 16), "bias": (16,), "mul": (16,), "then.mul": (16,)},
    ),
    "layers.0.ffn1": (
        BEHIND_NORM,
        {"weight": (24, 19), "bias": (24,), "mul": (24,), "then.table": (2048,)}
        | {f"then.slots.{field}": (3,) for field in ("channel", "bias", "mul")},
    ),
    "first": (Widths(rows=16), {}),
    "pooler": (BEHIND_NORM, {"weight": (16, 19), "bias": (16,), "mul": (16,), "then.table": (2048,)}),
    "classifier": (
        Widths(rows=16, channels=16),
        {"weight": (5, 16), "bias": (5,), "mul": (5,), "then.scale": (5,)},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_follow_from_what_comes_before(checkpoint: Checkpoint, name: str) -> None:
    before, shapes = SHAPES[name]
    assert dict(node_of(checkpoint, name).shapes(before)) == shapes


@pytest.mark.parametrize(
    ("name", "before", "tensor", "shape"),
    [
        ("layers.0.input_norm", Widths(rows=12), "g", (12,)),
        ("layers.0.attention", Widths(rows=16, channels=16), "key.weight", (16, 16)),
        ("layers.0.output", Widths(rows=12, channels=16), "then.mul", (12,)),
        ("layers.0.output", Widths(rows=12, channels=16), "bias", (12,)),
        ("layers.0.ffn1", Widths(rows=16, channels=9, slots=1), "weight", (24, 10)),
    ],
)
def test_other_columns_ask_for_other_shapes(
    checkpoint: Checkpoint, name: str, before: Widths, tensor: str, shape: tuple[int, ...]
) -> None:
    assert (tensor, shape) in list(node_of(checkpoint, name).shapes(before))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("embed", {"word": np.zeros((0, 16), np.int8)}, r"embed.word must have two dimensions, not be \(0, 16\)"),
        ("embed", {"position": np.zeros((0, 16), np.float32)}, r"embed.position must not be empty"),
        (
            "layers.0.attention",
            {"heads": 3},
            r"layers.0.attention.heads must divide the 16 values of a query, not be 3",
        ),
        ("pooler", {"bias": np.zeros(0, np.int32)}, r"pooler.bias must not be empty"),
        ("first", {"row": 2}, r"first.row must be 0, the one that the shortest text has, not 2"),
    ],
)
def test_what_no_shape_fits_is_refused(checkpoint: Checkpoint, name: str, change: dict[str, Any], message: str) -> None:
    node = node_of(with_node(checkpoint, name, **change), name)
    with pytest.raises(ValueError, match=f"^{message}$"):
        list(node.shapes(BEHIND_NORM))
