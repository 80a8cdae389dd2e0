"""Which rows are needed, and how many products a text takes."""

import pytest

from sw.network.arrays import Widths
from sw.network.checkpoint import Checkpoint
from sw.network.network import Network
from sw.network.random_checkpoint import random_checkpoint
from tests.sw.network.nodes import with_nodes


def kept(checkpoint: Checkpoint, length: int) -> dict[str, range]:
    """Rows of each operator by its name."""
    network = checkpoint.network
    return {node.name: rows for node, rows in zip(network.nodes, network.kept(length), strict=True)}


def test_all_rows_are_needed_up_to_the_last_attention() -> None:
    found = kept(random_checkpoint(0, layers=2), 5)
    names = [name for name, rows in found.items() if rows == range(5)]
    operators = ("input_norm", "attention", "output", "mid_norm", "ffn1", "ffn2")
    assert names == ["embed", *(f"layers.0.{each}" for each in operators), "layers.1.input_norm"]
    assert {rows for name, rows in found.items() if name not in names} == {range(1)}


def test_without_a_select_all_rows_are_needed() -> None:
    made = with_nodes(random_checkpoint(0), lambda nodes: [node for node in nodes if node.name != "first"])
    assert set(kept(made, 4).values()) == {range(4)}


@pytest.mark.parametrize("length", [1, 2, 9, 32])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"slots": 0},
        {"layers": 1, "hidden": 7, "heads": 1, "ffn": 5, "labels": 3},
        {"layers": 5, "hidden": 12, "heads": 3, "ffn": 20, "labels": 1, "slots": 7},
    ],
)
def test_macs_are_those_of_the_model(shape: dict[str, int], length: int) -> None:
    """No slots, and of the last layer only what one row needs."""
    sizes = {"layers": 2, "hidden": 16, "ffn": 32, "labels": 2} | shape
    hidden, last = sizes["hidden"], sizes["layers"] - 1
    total = hidden * hidden + hidden * sizes["labels"]
    for layer in range(sizes["layers"]):
        rows = 1 if layer == last else length
        keys_and_values = 2 * length * hidden * hidden
        queries_and_output = 2 * rows * hidden * hidden
        attention = 2 * rows * length * hidden
        feed_forward = 2 * rows * hidden * sizes["ffn"]
        total += keys_and_values + queries_and_output + attention + feed_forward
    assert random_checkpoint(3, **shape).network.macs(length) == total


def test_walk_gives_each_operator_the_columns_in_front_of_it() -> None:
    network = random_checkpoint(0, layers=1, hidden=16, ffn=24, slots=3).network
    found = {node.name: before for node, before in network.walk()}
    norm = Widths(rows=16, normalised=True, channels=16, slots=3)
    contexts = Widths(rows=16, normalised=True, channels=16)
    sums = Widths(rows=16)
    assert found == {
        "embed": Widths(rows=0),
        "layers.0.input_norm": sums,
        "layers.0.attention": norm,
        "layers.0.output": contexts,
        "layers.0.mid_norm": sums,
        "layers.0.ffn1": norm,
        "layers.0.ffn2": Widths(rows=16, normalised=True, channels=24, slots=3, unsigned=True),
        "first": sums,
        "pooler_norm": sums,
        "pooler": norm,
        "classifier": contexts,
    }


def test_sizes() -> None:
    network = random_checkpoint(0, hidden=16, positions=32).network
    assert (network.positions, network.hidden, network.last.name) == (32, 16, "classifier")
    assert Network(network.nodes[:1]).last is network.embed
