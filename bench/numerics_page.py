"""The figures of ``docs/numerics.md``: where the default model has slots."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.markdown import filled, table
from sw.apps.model_files import load_model
from sw.network.linear import Linear, Table
from sw.network.network import Network
from sw.network.norm import Norm

__all__ = ["numerics_page"]

_MODEL = Path("minilm-l6-imdb")

_HEAD = ("codes of", "channels", "slots", "channels that have some", "most of one", "zero point")

_GREATEST = 255
"""Of uint8 codes."""


def numerics_page(page: str) -> str:
    """Return ``docs/numerics.md`` with the figures in their place."""
    checkpoint, _ = load_model(_MODEL)
    return filled(page, "figures", table(_HEAD, list(_rows(checkpoint.network))))


def _rows(network: Network) -> Iterator[tuple[object, ...]]:
    for node in network.nodes:
        match node:
            case Norm():
                yield f"`{node.name}`", node.g.size, *_counts(node.slot_channel), ""
            case Linear(then=Table(slots=slots)) if slots:
                yield f"`{node.name}`", node.bias.size, *_counts(slots.channel), _GREATEST - slots.high


def _counts(channel: NDArray[np.integer]) -> tuple[int, int, int]:
    """Slots, channels that have some, and the most that one has."""
    _, counts = np.unique(channel, return_counts=True)
    return channel.size, counts.size, int(counts.max(initial=0))
