"""Which words of which memories an instruction reads and writes, from its fields alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from spec.config import AcceleratorConfig
from spec.isa import Instruction
from spec.memories import Memory
from spec.operands import OPERANDS

__all__ = ["Span", "spans"]


@dataclass(frozen=True)
class Span:
    """Addresses ``start`` to ``stop - 1`` of a memory; strided operands are covered from first to last word."""

    memory: Memory
    start: int
    stop: int
    reads: bool = False
    writes: bool = False

    def conflicts(self, other: "Span") -> bool:
        """Tell whether the two have a word in common that one of them writes."""
        overlap = self.memory is other.memory and self.start < other.stop and other.start < self.stop
        return overlap and (self.writes or other.writes)


def spans(config: AcceleratorConfig, instruction: Instruction) -> Iterator[Span]:
    """Yield the spans of an instruction that obeys the rules, one for each operand.

    Accumulators and the weight stream are left out: they synchronize by themselves.

    Parameters
    ----------
    config : AcceleratorConfig
    instruction : Instruction
        With final addresses.
    """
    for operand in OPERANDS[instruction.opcode]:
        if operand.used(instruction):
            yield Span(
                operand.memory,
                operand.start(instruction),
                operand.stop(instruction, operand.row_length(config, instruction)),
                reads=operand.reads,
                writes=operand.writes or bool(operand.in_place and operand.in_place.holds(instruction)),
            )
