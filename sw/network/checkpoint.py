"""A quantized model on disk: integers only, independent of any accelerator's shape."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from files.loading import loading
from files.whole_file import write_whole
from spec.codes import CODE
from spec.param_record import PARAM_BITS
from sw.network.arrays import Widths
from sw.network.attention import Attention
from sw.network.embed import Embed
from sw.network.linear import Linear, Residual, Sums, Table
from sw.network.network import Network, Node
from sw.network.node_file import read_node, tensors_of, write_node
from sw.network.pool import Pool
from sw.network.select import Select
from sw.network.task import Task

__all__ = ["Checkpoint"]

FORMAT = "systolm-checkpoint-2"
"""Key of the one header entry; several would make the bytes of a file depend on chance."""

_OLDER = "systolm-checkpoint-1"

_ENTRIES = {"nodes", "labels", "metadata"}

_BITS = {
    **dict.fromkeys(("g", "slot_g", "mul", "score_mul", "context_mul"), PARAM_BITS["mul"]),
    **dict.fromkeys(("b", "slot_b", "bias"), PARAM_BITS["bias"]),
}
"""Widths, signed, of the device's parameters by field name."""

_CODES = dict.fromkeys(("word_scale", "position", "difference"), 1 << 24)
"""Greatest magnitudes, by field name, of what is added up to an int16: far beyond, and float32 does not overflow."""

_SHIFTS = ("shift", "pre_shift", "score_pre_shift", "score_shift", "context_shift")
"""Fields of 5 bits, unsigned."""

_USUAL_TASK: Task = "single_label_classification"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A quantized model: its network, and what its results are called.

    Parameters
    ----------
    network : Network
        Ends with a :class:`Linear` to :class:`Sums`; for vectors, with a :class:`Pool`.
    labels : tuple of str
        One for each of its results; none for vectors.
    metadata : dict of str to str
        Source, licence and the like.
    task : Task
        What the results mean; a file need not say the usual.
    """

    network: Network
    labels: tuple[str, ...]
    metadata: dict[str, str]
    task: Task = _USUAL_TASK

    @property
    def logit_scale(self) -> NDArray[np.float32]:
        """What one of each result's sums is worth: float32 [labels]."""
        last = self.network.last
        assert isinstance(last, Linear) and isinstance(last.then, Sums), "a checkpoint has been checked"
        return last.then.scale

    def check(self) -> None:
        """Make sure that shapes fit each other and values fit the device's fields.

        Raises
        ------
        ValueError
            With the name of the first tensor that does not fit, and why.
        """
        _check_texts(self)
        _check_names(self.network)
        _check_ends(self.network, self.task)
        for node, before in self.network.walk():
            _check_place(node, before)
            _check_numbers(node, before)
        if self.task != "embedding" and len(self.logit_scale) != len(self.labels):
            raise ValueError(f"{self.network.last.name} must have a result for each of {len(self.labels)} labels")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file; a file that was there is replaced as a whole or not at all.

        Parameters
        ----------
        path : path
            Integers are stored in the narrowest type that holds them.

        Raises
        ------
        ValueError
            If the checkpoint does not pass :meth:`check`.
        """
        self.check()
        tensors: dict[str, NDArray[Any]] = {}
        nodes = [write_node(node, tensors) for node in self.network.nodes]
        entry = {"nodes": nodes, "labels": self.labels, "metadata": self.metadata}
        entry |= {"task": self.task} if self.task != _USUAL_TASK else {}
        write_whole(Path(path), save(tensors, {FORMAT: json.dumps(entry, sort_keys=True)}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError
            If it is not a whole checkpoint of this format, with the reason in one line.
        """
        with loading(path, "a SystoLM checkpoint"):
            with safe_open(path, "numpy") as file:
                header = file.metadata() or {}
                if _OLDER in header:
                    raise ValueError(f"it is of the older format {_OLDER!r}; quantize the model again")
                if FORMAT not in header:
                    raise ValueError(f"its header must have the entry {FORMAT!r}")
                entry = json.loads(header[FORMAT])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
            if not isinstance(entry, dict) or not entry.keys() >= _ENTRIES:
                raise ValueError("its header must be an object with nodes, labels and metadata")
            if unknown := entry.keys() - _ENTRIES - {"task"}:
                raise ValueError(
                    f"its header must be an object with nodes, labels and metadata alone, not {min(unknown)!r}"
                )
            if not isinstance(entry["nodes"], list) or not isinstance(entry["labels"], list):
                raise ValueError("its header must have lists of nodes and of labels")
            names = (node.get("name") for node in entry["nodes"] if isinstance(node, dict))
            _check_different(name for name in names if isinstance(name, str))
            checkpoint = cls(
                network=Network(tuple(read_node(node, tensors) for node in entry["nodes"])),
                labels=tuple(entry["labels"]),
                metadata=entry["metadata"],
                task=entry.get("task", _USUAL_TASK),
            )
            if tensors:
                raise ValueError(f"there is no place for the tensor {min(tensors)!r}")
            checkpoint.check()
        return checkpoint


def _check_texts(c: Checkpoint) -> None:
    """Make sure that labels can be told from each other and that metadata are texts."""
    if not all(isinstance(label, str) and label.strip() for label in c.labels):
        raise ValueError(f"labels must be names, not {list(c.labels)!r}")
    if len(set(c.labels)) < len(c.labels):
        raise ValueError(f"labels must differ from each other, not be {', '.join(c.labels)}")
    if c.task not in get_args(Task):
        raise ValueError(f"task must be one of {', '.join(get_args(Task))}, not {c.task!r}")
    if c.task == "single_label_classification" and len(c.labels) == 1:
        raise ValueError(
            f"a model must choose between two labels or more; num_labels=1 ({c.labels[0]}) is not supported"
        )
    if bool(c.labels) is (c.task == "embedding"):
        raise ValueError(f"a model for {c.task} must have {'no' if c.labels else 'its'} labels")
    if c.task == "regression" and len(c.labels) > 1:
        raise ValueError(f"a model for regression must have one result, not {len(c.labels)}")
    if not isinstance(c.metadata, dict) or not all(isinstance(x, str) for pair in c.metadata.items() for x in pair):
        raise ValueError(f"metadata must be texts by name, not {c.metadata!r}")


def _check_names(network: Network) -> None:
    """Make sure that names can be shown and told from each other, those of tensors, too."""
    for node in network.nodes:
        if not node.name.strip() or not node.name.isprintable():
            raise ValueError(f"the name of a node must be printable, not {node.name!r}")
    _check_different(node.name for node in network.nodes)
    _check_different(f"{node.name}.{name}" for node in network.nodes for name, _ in tensors_of(node))


def _check_different(names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"the nodes of a network must have different names, not {name!r} twice")


def _check_ends(network: Network, task: Task) -> None:
    """Make sure that a network begins with words and ends with results, of one row but where all are pooled."""
    nodes = network.nodes
    if not nodes or not isinstance(nodes[0], Embed) or sum(isinstance(node, Embed) for node in nodes) > 1:
        raise ValueError("a network must have one Embed, as its first node")
    results = [n for n in nodes if isinstance(n, Pool) or (isinstance(n, Linear) and isinstance(n.then, Sums))]
    pools = task == "embedding"
    if len(results) != 1 or results[0] is not network.last or isinstance(network.last, Pool) is not pools:
        what = "Pool" if pools else "Linear to Sums"
        raise ValueError(f"a network must have one {what}, as its last node, not {network.last.name}")
    kinds = [type(node) for node in nodes]
    selects = kinds.count(Select)
    if selects > 1 or (not selects and not pools) or (selects and Attention in kinds[kinds.index(Select) :]):
        raise ValueError("a network must have one Select, behind its last Attention")


def _check_place(node: Node, before: Widths) -> None:
    """Make sure that an operator finds what it takes."""
    if isinstance(node, Attention | Linear | Pool) and not before.codes:
        raise ValueError(f"{node.name} must stand behind codes, such as those of a Norm")
    if isinstance(node, Linear) and isinstance(node.then, Residual) and not before.normalised:
        raise ValueError(f"{node.name} must add to normalised rows: there must be a Norm before it")


def _check_numbers(node: Node, before: Widths) -> None:
    """Make sure that an operator's tensors have their shapes, and its numbers their ranges."""
    tensors = dict(tensors_of(node))
    for name, shape in node.shapes(before):
        if tensors[name].shape != shape:
            raise ValueError(f"{node.name}.{name} must have the shape {shape}, not {tensors[name].shape}")
    for name, value in tensors.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"{node.name}.{name} must be finite everywhere")
    for name, (low, high) in _ranges(node, tensors, before.rows):
        value = tensors[name]
        if value.size and (value.min() < low or value.max() > high):
            raise ValueError(f"{node.name}.{name} must be from {low} to {high}, not {value.min()} to {value.max()}")


def _ranges(node: Node, tensors: Mapping[str, NDArray[Any]], hidden: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield names of tensors and the least and greatest value that they may hold."""
    signed = isinstance(node, Linear) and isinstance(node.then, Table) and not node.then.unsigned
    for name in tensors:
        field = name.rpartition(".")[2]
        if field in _BITS:
            yield name, (-(1 << (_BITS[field] - 1)), (1 << (_BITS[field] - 1)) - 1)
        elif field in _CODES:
            yield name, (-_CODES[field], _CODES[field])
        elif field in _SHIFTS:
            yield name, (0, 31)
        elif field == "slot_channel":
            yield name, (0, hidden - 1)
        elif field == "channel":
            yield name, (0, len(tensors["bias"]) - 1)
        elif field == "high":
            yield name, (0, CODE if signed else 255)
