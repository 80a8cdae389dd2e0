"""Lowered networks equal the integer reference bit for bit, on arrays and models of any shape."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import open_device
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode, Load, LoadTarget, Stream, Sweep, SweepKind
from spec.presets import PRESETS
from spec.rules import check
from sw.apps.model_files import load_model
from sw.lowering import NetworkLowering, lower_network
from sw.network.checkpoint import Checkpoint
from sw.network.linear import Codes, Table
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.long import long_but
from tests.sw.network.nodes import node_of, with_nodes

SMALL = {"scratchpad_kib": 16, "vector_kib": 16, "param_words": 64, "weight_fifo_words": 32}


def assert_exact(checkpoint: Checkpoint, config: AcceleratorConfig, *lengths: int) -> None:
    """Compare the programs of some lengths with the reference, on the integer model."""
    lowering = NetworkLowering(checkpoint, config)
    device = open_device("model", config)
    for length in lengths:
        program = lowering.lower(length)
        assert [i for i in program if check(config, i)[0] != ErrorCode.NONE] == []
        ids = np.random.default_rng(length).integers(0, len(checkpoint.network.embed.word), length)
        rows = embed(checkpoint, ids)
        padded = np.zeros(program.inputs["rows"].shape, np.int16)
        padded[:, : rows.shape[1]] = rows
        logits = device.run(program, {"rows": padded}).outputs["logits"]
        expected = forward(checkpoint, rows)
        np.testing.assert_array_equal(logits[: len(expected)], expected, err_msg=f"length {length}")


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@pytest.mark.parametrize("cols", [1, 4, 5, 7])
def test_any_array(rows: int, cols: int) -> None:
    config = AcceleratorConfig(rows=rows, cols=cols, acc_depth=16, **SMALL)
    assert_exact(random_checkpoint(rows * 8 + cols), config, 1, 2, 13, 32)


@pytest.mark.parametrize(
    "shape",
    [
        {"layers": 3, "hidden": 20, "heads": 5, "labels": 3},
        {"layers": 1, "hidden": 7, "heads": 1, "ffn": 5, "labels": 1},
        {"hidden": 32, "heads": 1, "ffn": 50},
        {"hidden": 9, "heads": 9, "labels": 7},
        {"slots": 0},
        {"slots": 1, "ffn": 1},
        {"slots": 17},
    ],
)
@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (3, 5), (16, 8)])
def test_any_model(shape: dict[str, int], rows: int, cols: int) -> None:
    config = AcceleratorConfig(rows=rows, cols=cols, acc_depth=32, **SMALL)
    assert_exact(random_checkpoint(1, **shape), config, 1, 19)


@pytest.mark.parametrize(
    "fields",
    [
        {"tables": 1},
        {"acc_banks": 5},
        {"bus_bytes": 4},
        {"bus_bytes": 64},
        {"queue_depth": 2},
        {"scratchpad_banks": 1},
        {"scratchpad_banks": 16},
        {"lanes": 1},
        {"lanes": 2},
        {"acc_depth": 4},
        {"param_words": 16},
        {"acc_depth": 4, "param_words": 16, "scratchpad_kib": 2, "vector_kib": 2, "tables": 1, "queue_depth": 2},
    ],
    ids=str,
)
def test_any_memories(fields: dict[str, Any]) -> None:
    config = dataclasses.replace(AcceleratorConfig(rows=4, cols=4, **SMALL), **fields)
    assert_exact(random_checkpoint(2), config, 3, 8, 32)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset: str) -> None:
    assert_exact(random_checkpoint(3), PRESETS[preset], 1, 31)


@pytest.mark.parametrize("length", long_but([1, 17, 64, 333], [1, 2, 17, 28, 33, 37, 64, 100, 129, 333, 512]))
def test_default_model_at_any_length(length: int) -> None:
    checkpoint, _ = load_model(Path("minilm-l6-imdb"))
    assert_exact(checkpoint, PRESETS["default"], length)


def test_feed_forward_is_blocked_by_rows_when_its_middle_does_not_fit() -> None:
    config = AcceleratorConfig(rows=4, cols=4, **SMALL | {"scratchpad_kib": 4})
    assert_exact(random_checkpoint(4, ffn=256), config, 32)


def test_random_models_on_random_arrays() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        heads, width = rng.integers(1, 6, 2)
        shape = {
            "layers": rng.integers(1, 4),
            "hidden": heads * width + heads,
            "heads": heads,
            "ffn": rng.integers(1, 50),
            "labels": rng.integers(1, 6),
            "slots": rng.integers(0, 6),
        }
        fields = {
            "rows": rng.integers(1, 9),
            "cols": rng.integers(1, 9),
            "acc_depth": rng.choice([4, 8, 16, 64]),
            "acc_banks": rng.integers(2, 4),
            "scratchpad_banks": rng.choice([1, 2, 4, 5]),
            "param_words": rng.choice([16, 64, 512]),
            "tables": rng.integers(1, 4),
            "bus_bytes": rng.choice([4, 8, 16, 32]),
            "queue_depth": rng.choice([2, 4, 8]),
        }
        config = AcceleratorConfig(scratchpad_kib=8, vector_kib=8, **{k: int(v) for k, v in fields.items()})
        checkpoint = random_checkpoint(seed, **{k: int(v) for k, v in shape.items()})
        assert_exact(checkpoint, config, int(rng.integers(1, 33)))


def layers_of(checkpoint: Checkpoint, layer: int, name: str) -> list[Any]:
    """One layer's operators with other names."""
    prefix = f"layers.{layer}."
    own = [node for node in checkpoint.network.nodes if node.name.startswith(prefix)]
    return [dataclasses.replace(node, name=node.name.replace(prefix, name)) for node in own]


@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (3, 5)])
def test_layers_may_differ(rows: int, cols: int) -> None:
    """In heads, slots and the width of the middle; names are free."""
    others = [
        random_checkpoint(8, layers=1, heads=1, ffn=9, slots=0),
        random_checkpoint(9, layers=1, heads=8, ffn=60, slots=5),
    ]
    more = [node for i, other in enumerate(others) for node in layers_of(other, 0, f"other {i}.")]
    checkpoint = with_nodes(random_checkpoint(7), lambda nodes: [nodes[0], *more, *nodes[1:]])
    checkpoint.check()
    assert_exact(checkpoint, AcceleratorConfig(rows=rows, cols=cols, acc_depth=16, **SMALL), 1, 13)


def test_results_may_be_looked_up_in_any_number() -> None:
    """Between the last norm and the results: more of them than there are columns, with slots."""
    checkpoint = random_checkpoint(7, slots=2)
    wide = random_checkpoint(8, hidden=16, slots=2, ffn=40)
    slots = dataclasses.replace(node_of(wide, "layers.0.ffn1").then.slots, high=127)
    table = dataclasses.replace(node_of(checkpoint, "pooler").then, slots=slots)
    pooler = dataclasses.replace(node_of(wide, "layers.0.ffn1"), name="pooler", then=table)
    weight = np.random.default_rng(0).integers(-127, 128, (2, 42)).astype(np.int8)
    last = dataclasses.replace(node_of(checkpoint, "classifier"), weight=weight)
    checkpoint = with_nodes(checkpoint, lambda nodes: [*nodes[:-2], pooler, last])
    checkpoint.check()
    assert_exact(checkpoint, AcceleratorConfig(rows=4, cols=4, **SMALL), 1, 13)


def table_of(node: Any, *, unsigned: bool) -> Any:
    """The same matrix, but its results are looked up."""
    return dataclasses.replace(node, then=Table(table=np.arange(2048).astype(np.uint8), unsigned=unsigned))


def codes_of(node: Any) -> Any:
    """The same matrix, but its results are codes."""
    return dataclasses.replace(node, then=Codes())


@pytest.mark.parametrize(
    "change",
    [
        lambda nodes: [node for node in nodes if node.name != "pooler"],
        lambda nodes: [*nodes[:-2], table_of(nodes[-2], unsigned=True), nodes[-1]],
    ],
)
def test_results_may_come_from_a_norm_or_from_unsigned_codes(change: Callable[[list[Any]], list[Any]]) -> None:
    checkpoint = with_nodes(random_checkpoint(1, slots=0), change)
    assert_exact(checkpoint, AcceleratorConfig(rows=4, cols=4, **SMALL), 1, 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda nodes: [*nodes[:3], *nodes[2:]],
            "there is no lowering for layers.0.attention behind layers.0.attention",
        ),
        (
            lambda nodes: [*nodes[:3], table_of(nodes[3], unsigned=False), *nodes[3:]],
            "there is no lowering for layers.0.output behind layers.0.attention",
        ),
        (
            lambda nodes: [*nodes[:-2], codes_of(nodes[-2]), nodes[-1]],
            "there is no lowering for pooler behind pooler_norm",
        ),
        (
            lambda nodes: [*nodes[:2], dataclasses.replace(nodes[1], name="again"), *nodes[2:]],
            "there is no lowering for again behind layers.0.input_norm",
        ),
        (
            lambda nodes: [node for node in nodes if not node.name.startswith("layers.")],
            "there is no lowering for a network without an Attention",
        ),
        (
            lambda nodes: [node for node in nodes if node.name[9:] not in ("mid_norm", "ffn1", "ffn2")],
            "there is no lowering for a network without a feed-forward network",
        ),
    ],
)
def test_other_orders_are_refused(change: Callable[[list[Any]], list[Any]], message: str) -> None:
    checkpoint = with_nodes(random_checkpoint(1, slots=0), change)
    with pytest.raises(ValueError, match=f"^{message}$"):
        lower_network(checkpoint, AcceleratorConfig(rows=4, cols=4), 3)


def test_programs_of_all_lengths_share_their_constants() -> None:
    lowering = NetworkLowering(random_checkpoint(5), AcceleratorConfig())
    assert lowering.lower(1).constants is lowering.lower(32).constants


def test_weights_that_stand_in_order_are_one_stream() -> None:
    instructions = list(lower_network(random_checkpoint(5), AcceleratorConfig(), 1))
    assert sum(isinstance(i, Stream) for i in instructions) == 1


def test_softmax_of_one_head_stands_among_the_products_of_the_next() -> None:
    config = AcceleratorConfig(rows=4, cols=4, **SMALL)
    instructions = list(lower_network(random_checkpoint(6, hidden=8, heads=2), config, 32))
    sweeps = [i for i in instructions if isinstance(i, Sweep) and i.kind == SweepKind.SOFTMAX]
    assert {s.m for s in sweeps} - {32, 1}, "no softmax was split"


def test_parameters_are_loaded_ahead() -> None:
    instructions = list(lower_network(random_checkpoint(5), AcceleratorConfig(), 9))
    params = [i for i in instructions if isinstance(i, Load) and i.target == LoadTarget.PARAM]
    first_uses = [next(k for k, x in enumerate(instructions) if getattr(x, "param_addr", -1) == p.addr) for p in params]
    assert all(instructions.index(p) < use for p, use in zip(params, first_uses, strict=True))


def test_useful_macs() -> None:
    n, f, s = 8, 20, 5
    program = lower_network(random_checkpoint(7, layers=2, hidden=n, heads=2, ffn=f, labels=3), AcceleratorConfig(), s)
    full = 4 * s * n * n + 2 * s * s * n + 2 * s * n * f
    last = 2 * s * n * n + 2 * n * n + 2 * s * n + 2 * n * f
    assert program.macs == full + last + n * n + 3 * n


@pytest.mark.parametrize("length", [0, 33])
def test_length_is_checked(length: int) -> None:
    with pytest.raises(ValueError, match=f"length must be from 1 to 32, not {length}"):
        lower_network(random_checkpoint(0), AcceleratorConfig(), length)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vector_kib": 1}, "vector_kib must be larger than 1: 32 rows of 64 int16 values and one row of scores"),
        ({"scratchpad_kib": 4}, "scratchpad_kib must be larger than 4: the attention of 32 rows of 64 values"),
        ({"param_words": 4, "rows": 16}, "param_words must hold the parameters of 16 columns, 2 in a word, not be 4"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(fields: dict[str, int], message: str) -> None:
    config = AcceleratorConfig(**{"rows": 4, "cols": 2, "scratchpad_kib": 64, "vector_kib": 64} | fields)
    with pytest.raises(ValueError, match=message):
        lower_network(random_checkpoint(0, hidden=64, heads=2), config, 32)


def test_middle_that_never_fits_is_named() -> None:
    config = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=4)
    with pytest.raises(ValueError, match="scratchpad_kib must be larger than 4: 32 rows of 16 values and one row of"):
        lower_network(random_checkpoint(0, ffn=4000), config, 32)
