"""Operators as entries of a checkpoint's header, and their tensors."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from sw.network.network import Node

__all__ = ["read_node", "tensors_of", "write_node"]

_OPERATOR = "op"
"""Key of an entry that says which class it is of."""


def tensors_of(value: Any, name: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield names and values of all numbers of an operator, such as ``then.mul``; single ones as arrays, too."""
    for field in fields(value):
        part, inner = getattr(value, field.name), f"{name}.{field.name}" if name else field.name
        if is_dataclass(part):
            yield from tensors_of(part, inner)
        elif isinstance(part, int | np.ndarray) and not isinstance(part, bool):
            yield inner, np.asarray(part)


def write_node(node: Any, tensors: dict[str, NDArray[Any]], name: str = "") -> dict[str, Any]:
    """Return an operator's entry for the header.

    Parameters
    ----------
    node : Node
    tensors : dict
        Gets its arrays, under names that begin with the operator's.
    name : str
        Of a part of an operator.
    """
    name = name or node.name
    entry: dict[str, Any] = {_OPERATOR: type(node).__name__}
    for field in fields(node):
        value = getattr(node, field.name)
        if is_dataclass(value):
            entry[field.name] = write_node(value, tensors, f"{name}.{field.name}")
        elif isinstance(value, np.ndarray):
            tensors[f"{name}.{field.name}"] = _narrow(value)
        elif value is not None:
            entry[field.name] = value
    return entry


def read_node(entry: Any, tensors: dict[str, NDArray[Any]]) -> Node:
    """Return the operator of an entry, and take its arrays out of ``tensors``.

    Raises
    ------
    ValueError
        If there is no such operator, or a part of it is missing, too much or of another type.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ValueError(f"a node must be an object with a name, not {entry!r}")
    node: Node = _read(Node, entry, entry["name"], tensors)
    return node


def _read(hint: Any, entry: Any, name: str, tensors: dict[str, NDArray[Any]]) -> Any:
    kinds: dict[str, Any] = {kind.__name__: kind for kind in get_args(hint) or (hint,) if kind is not type(None)}
    found = entry.get(_OPERATOR) if isinstance(entry, dict) else entry
    if not isinstance(found, str) or not isinstance(entry, dict) or found not in kinds:
        raise ValueError(
            f"{name} must be an object whose {_OPERATOR} is one of {', '.join(sorted(kinds))}, not {found!r}"
        )
    cls = kinds[found]
    hints = _type_hints(cls)
    if unknown := entry.keys() - hints.keys() - {_OPERATOR}:
        raise ValueError(f"{name} must have no {min(unknown)!r}")
    return cls(**{field: _value(hint, entry, field, name, tensors) for field, hint in hints.items()})


def _value(hint: Any, entry: Mapping[str, Any], field: str, name: str, tensors: dict[str, NDArray[Any]]) -> Any:
    where = f"{name}.{field}"
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if any(is_dataclass(option) for option in options):
        if field not in entry and type(None) in options:
            return None
        return _read(hint, entry.get(field), where, tensors)
    if hint in (int, bool, str):
        value = entry.get(field)
        if type(value) is not hint:
            raise ValueError(f"{where} must be of the type {hint.__name__}, not {value!r}")
        return value
    if field in entry:
        raise ValueError(f"{where} must be a tensor, not {entry[field]!r}")
    if where not in tensors:
        raise ValueError(f"there must be a tensor {where!r}")
    tensor, dtype = tensors.pop(where), np.dtype(get_args(get_args(hint)[1])[0])
    if tensor.dtype.kind == "b" or not np.can_cast(tensor.dtype, dtype):
        raise ValueError(f"{where} must hold {dtype}, not {tensor.dtype}")
    return tensor.astype(dtype)


@cache
def _type_hints(cls: type) -> dict[str, Any]:
    """Return the types of a class's fields; finding them takes longer than all else of a small checkpoint."""
    return get_type_hints(cls)


def _narrow(value: NDArray[Any]) -> NDArray[Any]:
    """The narrowest signed type that holds the integers; others as they are."""
    if value.dtype.kind != "i":
        return np.ascontiguousarray(value)
    low, high = value.min(initial=0), value.max(initial=0)
    dtype = next(t for t in (np.int8, np.int16, np.int32) if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return np.ascontiguousarray(value.astype(dtype)).reshape(value.shape)
