"""Which tests of one kind are left to ``pytest -m long``."""

from collections.abc import Container, Iterable
from typing import Any

import pytest

__all__ = ["long_but"]


def long_but(short: Container[Any], values: Iterable[Any]) -> list[Any]:
    """Return all values as parameters of a test, those marked long that are not among the ``short`` ones.

    As elsewhere in pytest, a tuple has the values of several parameters.
    """
    return [value if value in short else _long(value) for value in values]


def _long(value: Any) -> Any:
    if isinstance(value, type(pytest.param())):
        return pytest.param(*value.values, id=value.id, marks=[*value.marks, pytest.mark.long])
    return pytest.param(*value if isinstance(value, tuple) else (value,), marks=pytest.mark.long)
