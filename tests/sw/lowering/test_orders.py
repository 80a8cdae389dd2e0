"""Operators are written in orders that are known, and others are refused with a name."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from spec.presets import PRESETS
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.network import Network
from sw.network.random_checkpoint import random_checkpoint

CONFIG = PRESETS["tiny"]


def arranged(names: Sequence[str]) -> Checkpoint:
    """A random checkpoint of one layer with only the operators of these names, in this order."""
    made = random_checkpoint(0, layers=1)
    nodes = {node.name.removeprefix("layers.0."): node for node in made.network.nodes}
    return replace(made, network=Network(tuple(nodes[name] for name in names)))


BEGINNING = ["embed", "input_norm", "attention", "output", "mid_norm", "ffn1", "ffn2"]


def test_an_order_of_a_whole_model_is_known() -> None:
    program = NetworkLowering(arranged([*BEGINNING, "first", "pooler_norm", "pooler", "classifier"]), CONFIG).lower(3)
    assert program.labels[-2:] == ("classifier", "halt")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["embed", "attention"], "there is no lowering for embed behind nothing"),
        (["embed", "input_norm", "mid_norm"], "there is no lowering for layers.0.mid_norm behind layers.0.input_norm"),
        ([*BEGINNING, "first", "pooler"], "there is no lowering for layers.0.ffn2 behind layers.0.ffn1"),
    ],
)
def test_unknown_orders_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        NetworkLowering(arranged(names), CONFIG)


@pytest.mark.parametrize("name", ["pooler", "attention"])
def test_codes_that_stand_where_results_go_are_refused(name: str) -> None:
    """Contexts are in the way of what attention, and a matrix with a table, write."""
    names = [*BEGINNING, "pooler_norm", "attention", "pooler", "classifier"]
    if name == "attention":
        names[-2], names[-3] = names[-3], names[-2]
    checkpoint = arranged(names)
    nodes = [replace(node, name=f"{number}.{node.name}") for number, node in enumerate(checkpoint.network.nodes)]
    lowering = NetworkLowering(replace(checkpoint, network=Network(tuple(nodes))), CONFIG)
    with pytest.raises(ValueError, match=rf"there is no lowering for 9\S*{name}\S* behind 8\."):
        lowering.lower(2)
