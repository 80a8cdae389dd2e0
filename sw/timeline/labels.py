"""What each instruction of a program is part of."""

from collections.abc import Iterator
from dataclasses import dataclass

from spec.isa import Instruction, Load, LoadTarget, Sweep, SweepKind
from spec.program import Program

__all__ = ["Label", "labels_of"]


@dataclass(frozen=True)
class Label:
    """An instruction and a name for it, such as ``layers.2.attention.3.scores``."""

    instruction: Instruction
    name: str


def labels_of(program: Program) -> Iterator[Label]:
    """Yield the program's own labels; without any, instructions are named by what they are."""
    names = program.labels or map(_plain, program)
    return map(Label, program, names)


def _plain(instruction: Instruction) -> str:
    match instruction:
        case Load():
            return f"load {LoadTarget(instruction.target).name.lower().replace('_', ' ')}"
        case Sweep():
            return SweepKind(instruction.kind).name.lower()
    return instruction.opcode.name.lower()
