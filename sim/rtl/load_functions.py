"""The C functions of a simulator, loaded with their types."""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["load_functions"]

Signature = tuple[Any, ...]


def load_functions(
    library: Path, signatures: Mapping[str, Signature], optional: Mapping[str, Signature] | None = None
) -> Any:
    """Load a library and declare the types of its functions.

    Parameters
    ----------
    library : Path
    signatures : dict of str to tuple
        Types of the result and the arguments, by the functions' names.
    optional : dict of str to tuple, optional
        The same of functions that the library may lack.

    Returns
    -------
    CDLL
        Has the functions as attributes.
    """
    functions = ctypes.CDLL(str(library))
    present = {name: types for name, types in (optional or {}).items() if hasattr(functions, name)}
    for name, (result, *arguments) in {**signatures, **present}.items():
        function = getattr(functions, name)
        function.restype, function.argtypes = result, arguments
    return functions
