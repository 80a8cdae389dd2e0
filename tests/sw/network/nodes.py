"""Operators of a network by name."""

import dataclasses
from collections.abc import Callable
from typing import Any

from sw.network.checkpoint import Checkpoint
from sw.network.network import Network

__all__ = ["node_of", "with_node", "with_nodes"]


def node_of(checkpoint: Checkpoint, name: str) -> Any:
    """Return the operator of a name."""
    return next(node for node in checkpoint.network.nodes if node.name == name)


def with_node(checkpoint: Checkpoint, name: str, **changes: Any) -> Checkpoint:
    """Return the same with other fields in the operator of a name."""
    changed = dataclasses.replace(node_of(checkpoint, name), **changes)
    return with_nodes(checkpoint, lambda nodes: [changed if node.name == name else node for node in nodes])


def with_nodes(checkpoint: Checkpoint, change: Callable[[list[Any]], list[Any]]) -> Checkpoint:
    """Return the same with other operators."""
    return dataclasses.replace(checkpoint, network=Network(tuple(change(list(checkpoint.network.nodes)))))
