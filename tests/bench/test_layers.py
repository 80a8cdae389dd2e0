"""Models with fewer layers than they have."""

import pytest

from bench.layers import first_layers
from spec.config import AcceleratorConfig
from sw.lowering import lower_network
from sw.network.random_checkpoint import random_checkpoint


@pytest.mark.parametrize("depth", [1, 2, 11])
def test_layers_from_the_depth_on_are_left_out(depth: int) -> None:
    checkpoint = random_checkpoint(0, layers=12)
    cut = first_layers(checkpoint, depth)
    cut.check()
    operators = ("input_norm", "attention", "output", "mid_norm", "ffn1", "ffn2")
    layers = [f"layers.{i}.{each}" for i in range(depth) for each in operators]
    names = ["embed", *layers, "first", "pooler_norm", "pooler", "classifier"]
    assert [node.name for node in cut.network.nodes] == names
    nodes = {node.name: node for node in checkpoint.network.nodes}
    assert all(node is nodes[node.name] for node in cut.network.nodes)
    assert (cut.labels, cut.metadata) == (checkpoint.labels, checkpoint.metadata)


def test_all_layers_are_the_checkpoint() -> None:
    checkpoint = random_checkpoint(0, layers=3)
    assert first_layers(checkpoint, 3).network.nodes == checkpoint.network.nodes


def test_what_is_left_is_lowered() -> None:
    cut = first_layers(random_checkpoint(0, layers=3), 1)
    program = lower_network(cut, AcceleratorConfig(rows=4, cols=4), 5)
    assert program.macs == cut.network.macs(5)
    assert not any(label.startswith(("layers.1", "layers.2")) for label in program.labels)
