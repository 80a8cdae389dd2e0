"""Structures in C++ are those of Python."""

import ctypes

from sim.rtl.structure import cpp_structure


class Example(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint64), ("share", ctypes.c_double), ("ordinal", ctypes.c_int64))


def test_fields_keep_their_order_and_types() -> None:
    declared = "struct Other {\n    uint64_t count;\n    double share;\n    int64_t ordinal;\n};\n"
    assert cpp_structure("Other", Example).endswith(declared)
