"""Programs at other addresses."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from spec.isa import Instruction
from spec.memories import Memory
from spec.operands import OPERANDS
from spec.program import Program

__all__ = ["relocate"]


def relocate(program: Program, *, read_only: int, writable: int) -> Program:
    """Return a program whose parts stand elsewhere.

    Constants stand at one address and instructions right behind them; the regions keep their places relative to one
    another, the first of them at the other address.

    Parameters
    ----------
    program : Program
    read_only, writable : int
        Addresses of constants and of the first region: multiples of the bus width.

    Raises
    ------
    ValueError
        If an instruction reads or writes what is neither a constant nor in a region, or as
        :class:`spec.program.Program`.
    """
    size = len(program.constants)
    instructions_addr = read_only + size + -size % program.config.bus_bytes
    regions = [*program.inputs.values(), *program.outputs.values(), *program.state.values()]
    shift = writable - min((region.addr for region in regions), default=0)
    areas = {range(program.constants_addr, program.constants_addr + size): read_only - program.constants_addr}
    areas |= {range(region.addr, region.addr + region.nbytes): shift for region in regions}
    code = b"".join(_moved(instruction, areas).encode() for instruction in program)
    inputs, outputs, state = (
        {name: dataclasses.replace(region, addr=region.addr + shift) for name, region in named.items()}
        for named in (program.inputs, program.outputs, program.state)
    )
    ends = [instructions_addr + len(code), *(region.addr + region.nbytes + shift for region in regions)]
    return dataclasses.replace(
        program,
        instructions=np.frombuffer(code, np.uint8),
        instructions_addr=instructions_addr,
        constants_addr=read_only,
        inputs=inputs,
        outputs=outputs,
        state=state,
        memory_bytes=max(ends),
    )


def _moved(instruction: Instruction, areas: Mapping[range, int]) -> Instruction:
    """Return the instruction with new addresses of what it takes from memory and gives to it."""
    addresses = {
        operand.first: _new(getattr(instruction, operand.first), areas)
        for operand in OPERANDS[instruction.opcode]
        if operand.memory is Memory.MAIN and operand.used(instruction)
    }
    return dataclasses.replace(instruction, **addresses)


def _new(addr: int, areas: Mapping[range, int]) -> int:
    for area, shift in areas.items():
        if addr in area:
            return addr + shift
    raise ValueError(f"an instruction must use constants and regions alone, not what is at {addr:#x}")
