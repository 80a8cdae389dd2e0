"""What of a program is dispatched, and what ends it."""

from dataclasses import dataclass

from spec.axi import BOUNDARY_BYTES, BURST_BEATS
from spec.config import AcceleratorConfig
from spec.isa import (
    INSTRUCTION_BYTES,
    ErrorCode,
    Halt,
    Instruction,
    decode,
)
from spec.liveness import find_hang
from spec.memories import Memory
from spec.program import Program
from spec.rules import check
from spec.spans import spans

__all__ = ["Stop", "dispatch"]


@dataclass(frozen=True)
class Stop:
    """Why, at which instruction and at which address a program does not come to HALT."""

    code: ErrorCode
    index: int
    addr: int = 0
    reason: str = ""


def dispatch(program: Program) -> tuple[list[Instruction], Stop | None]:
    """Return the instructions before HALT or a broken rule, and why the program does not come to HALT.

    If those instructions do not all come to their ends, that is why; the broken rule is then never reached.
    """
    instructions, stop = _checked(program)
    hang = find_hang(program.config, instructions)
    if hang and (stop is None or hang.index < stop.index):
        stop = Stop(ErrorCode.DEADLOCK, hang.index, reason=hang.reason)
    return instructions, stop


def _checked(program: Program) -> tuple[list[Instruction], Stop | None]:
    """Return the instructions before HALT or an error, and the error."""
    data = program.instructions.tobytes()
    instructions: list[Instruction] = []
    for index, start in enumerate(range(0, len(data), INSTRUCTION_BYTES)):
        try:
            instruction = decode(data[start : start + INSTRUCTION_BYTES])
        except ValueError:
            return instructions, Stop(ErrorCode.ILLEGAL_OPCODE, index)
        code, addr = check(program.config, instruction)
        if code != ErrorCode.NONE:
            return instructions, Stop(code, index, addr)
        if isinstance(instruction, Halt):
            return instructions, None
        code, addr = _check_bus(program, instruction)
        if code != ErrorCode.NONE:
            return instructions, Stop(code, index, addr)
        instructions.append(instruction)
    return instructions, Stop(ErrorCode.NO_HALT, len(instructions))


def _check_bus(program: Program, instruction: Instruction) -> tuple[ErrorCode, int]:
    """Return the error of the first burst that leaves the program's memory."""
    for span in spans(program.config, instruction):
        if span.memory is Memory.MAIN and span.stop > program.memory_bytes:
            start = span.start
            while (end := _burst_end(program.config, start)) <= program.memory_bytes:
                start = end
            return (ErrorCode.BUS_WRITE if span.writes else ErrorCode.BUS_READ), start
    return ErrorCode.NONE, 0


def _burst_end(config: AcceleratorConfig, start: int) -> int:
    """Return where a burst from ``start`` ends at the latest."""
    return min(start + BURST_BEATS * config.bus_bytes, (start // BOUNDARY_BYTES + 1) * BOUNDARY_BYTES)
