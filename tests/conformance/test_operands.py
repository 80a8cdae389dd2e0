"""Every operand of the table may reach the last word of its memory and no further, on every core."""

from collections.abc import Iterator
from typing import Any

import pytest

from spec.config import AcceleratorConfig
from spec.device import Device, DeviceError
from spec.isa import Destination, Drain, ErrorCode, Gemm, Instruction, Load, Opcode, Stream, Sweep, SweepKind, fields_of
from spec.memories import Memory
from spec.operands import OPERANDS, Operand
from tests.conformance.assembler import Assembler

LEGAL: dict[Opcode, tuple[type[Instruction], dict[str, int]]] = {
    Opcode.LOAD: (Load, {"count": 1}),
    Opcode.STREAM: (Stream, {"count": 1}),
    Opcode.GEMM: (Gemm, {"m": 1, "n": 1, "k_tiles": 1, "b_scratchpad": 1, "clear": 1, "release": 1}),
    Opcode.DRAIN: (Drain, {"m": 1, "n": 1, "dest": Destination.VECTOR}),
    Opcode.SWEEP: (Sweep, {"m": 1, "n": 1, "kind": SweepKind.MOMENTS, "row_length": 1}),
}
"""Classes, and fields of small instructions."""

STRIDE = 3


def limits(config: AcceleratorConfig, operand: Operand) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """Yield the fields of the last place of an operand, and those of one that is beyond."""
    size = operand.memory.size(config) // operand.scale
    if operand.memory is Memory.MAIN:
        unit = operand.unit.nbytes(config)
        room = -(-unit // config.bus_bytes) * config.bus_bytes
        count: Any = operand.rows if operand.values else operand.words
        yield tuple({operand.first: size - room, count: room // unit + more} for more in range(2))
        return
    yield {operand.first: size - 1}, {operand.first: size}
    if operand.stride:
        rows = {str(operand.rows): 2, operand.stride: STRIDE}
        yield tuple(rows | {operand.first: size - 1 - STRIDE + more} for more in range(2))


def uses(operand: Operand) -> Iterator[dict[str, int]]:
    """Yield fields with which an instruction uses an operand."""
    if not operand.when:
        yield {}
    for when in operand.when:
        value = 1 if when.value is None else int(when.value)
        yield {when.field: value + when.other}


def error(device: Device, instruction: Instruction) -> tuple[ErrorCode, int]:
    """Return what a program of one instruction ends with."""
    asm = Assembler(device.config)
    asm.add(instruction)
    try:
        device.run(asm.program(tokens=False), {})
    except DeviceError as caught:
        return caught.code, caught.addr
    return ErrorCode.NONE, 0


@pytest.mark.parametrize("opcode", LEGAL)
def test_operands_end_with_their_memory(device: Device, opcode: Opcode) -> None:
    cls, legal = LEGAL[opcode]
    widths = {name: width for name, width, _ in fields_of(cls)}
    for operand in OPERANDS[opcode]:
        for used in uses(operand):
            for last, beyond in limits(device.config, operand):
                fitting = cls(**legal | used | last)
                assert error(device, fitting)[0] != ErrorCode.OUT_OF_RANGE, fitting
                if all(value >> widths[name] == 0 for name, value in beyond.items()):
                    outside = cls(**legal | used | beyond)
                    assert error(device, outside) == (ErrorCode.OUT_OF_RANGE, beyond[operand.first]), outside
