"""Results that are compared with what they should be."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host.session import Session
from spec.device import Result

__all__ = ["Reference", "Verified"]

Reference = Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
"""Inputs to outputs, some or all of them, as they should be."""


class Verified:
    """A session whose every result is compared with references, bit for bit.

    Parameters
    ----------
    session : Session
    *references : Reference
        Each says of some outputs what they must be.
    """

    def __init__(self, session: Session, *references: Reference) -> None:
        self.session, self._references = session, references

    def run(self, inputs: Mapping[str, NDArray[Any]], **variables: int) -> tuple[Result, bool]:
        """Run once; return the result, and whether it is what all references say. Raises what the session does."""
        result = self.session.run(inputs, **variables)
        exact = all(
            np.array_equal(result.outputs[name], expected)
            for reference in self._references
            for name, expected in reference(inputs).items()
        )
        return result, exact
