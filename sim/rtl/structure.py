"""Structures that Python and a simulator's C++ share."""

import ctypes

__all__ = ["cpp_structure"]

_TYPES: dict[type, str] = {ctypes.c_double: "double", ctypes.c_uint64: "uint64_t", ctypes.c_int64: "int64_t"}


def cpp_structure(name: str, structure: type[ctypes.Structure]) -> str:
    """Return a header that declares a structure as ``ctypes`` lays it out.

    Parameters
    ----------
    name : str
        In C++.
    structure : type
        Its fields are signed or unsigned numbers of 64 bits, or doubles.
    """
    fields = "".join(f"    {_TYPES[kind]} {field};\n" for field, kind, *_ in structure._fields_)
    return f"#pragma once\n\n#include <cstdint>\n\nstruct {name} {{\n{fields}}};\n"
