"""Amaranth layouts and signatures that more than one block uses; all follow from ISA and configuration."""

from typing import Any

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, Instruction, fields_of
from spec.param_record import PARAM_BITS

__all__ = [
    "INSTRUCTION",
    "TABLE_WORD_BYTES",
    "AccumulatorRead",
    "BankedRead",
    "LoadWrite",
    "MaskedWrite",
    "RowJob",
    "Scrub",
    "instruction_layout",
    "param_record",
    "row_scalars",
    "row_stats",
]

INSTRUCTION = unsigned(8 * INSTRUCTION_BYTES)

TABLE_WORD_BYTES = 4
"""Entries of a look-up table that are written together: as many as a block memory of 18 kbit has bytes."""


def instruction_layout(cls: type[Instruction]) -> data.StructLayout:
    """Return the 256-bit layout of an instruction class: ``opcode``, its fields, ``reserved``."""
    members: dict[str, Any] = {"opcode": unsigned(4)}
    for name, width, is_signed in fields_of(cls):
        members[name] = signed(width) if is_signed else unsigned(width)
    used = sum(s.width for s in members.values())
    members["reserved"] = unsigned(8 * INSTRUCTION_BYTES - used)
    return data.StructLayout(members)


param_record = data.StructLayout({name: signed(width) for name, width in PARAM_BITS.items()})
"""One parameter record, 64 bits."""

row_stats = data.StructLayout({"a": signed(29), "b": unsigned(44)})
"""Statistics of one row: ``a`` maximum or sum, ``b`` sum of squares or of exponentials."""

row_scalars = data.StructLayout({"mul": unsigned(17), "total": unsigned(6), "mean": signed(25)})
"""Results of the row unit for one row."""

RowJob = data.StructLayout({"reciprocal": 1, "addr": unsigned(12), "m": unsigned(12), "length": unsigned(13)})
"""Work for the row unit: rows ``addr .. addr + m - 1``; LayerNorm of ``length`` values, or reciprocals."""


class Scrub(wiring.Signature):
    """While ``en``, every memory writes zero to word ``addr`` (those that are smaller ignore high addresses)."""

    def __init__(self) -> None:
        super().__init__({"en": Out(1), "addr": Out(20)})


class BankedRead(wiring.Signature):
    """Read requests to the scratchpad.

    Latency: ``data`` is the word of a request :attr:`LATENCY` cycles after ``en`` (and ``ready``) were high. Requests
    of the array's A operand are always ready.
    """

    LATENCY = 4

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "en": Out(1),
                "ready": In(1),
                "addr": Out(20),
                "data": In(data.ArrayLayout(unsigned(8), config.rows)),
            }
        )


class MaskedWrite(wiring.Signature):
    """A write to the scratchpad that never waits: bytes of ``data`` whose ``mask`` bit is set."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "en": Out(1),
                "addr": Out(20),
                "data": Out(data.ArrayLayout(unsigned(8), config.rows)),
                "mask": Out(config.rows),
            }
        )


class AccumulatorRead(wiring.Signature):
    """Read ``lanes`` neighbouring columns of one accumulator row; ``data`` is valid 3 cycles after ``en``."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "en": Out(1),
                "bank": Out(range(config.acc_banks)),
                "row": Out(range(config.acc_depth)),
                "chunk": Out(range(max(config.chunks_per_tile, 1))),
                "data": In(data.ArrayLayout(signed(32), config.lanes)),
            }
        )


def LoadWrite(shape: Any) -> stream.Signature:  # noqa: N802  # makes a signature, like a class
    """Words of a LOAD on their way to a memory: ``addr`` in units of the target, ``data`` of ``shape``."""
    return stream.Signature(data.StructLayout({"addr": unsigned(20), "data": shape}))
