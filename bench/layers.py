"""Models with fewer layers than they have."""

from dataclasses import replace

from sw.network.checkpoint import Checkpoint
from sw.network.network import Network

__all__ = ["first_layers"]


def first_layers(checkpoint: Checkpoint, depth: int) -> Checkpoint:
    """Return a checkpoint without the layers from ``depth`` on; what comes behind them stays."""

    def stays(name: str) -> bool:
        parts = name.split(".")
        return parts[0] != "layers" or int(parts[1]) < depth

    nodes = tuple(node for node in checkpoint.network.nodes if stays(node.name))
    return replace(checkpoint, network=Network(nodes))
