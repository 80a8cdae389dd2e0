"""Bytes of weights that a program reads."""

from dataclasses import dataclass

from spec.isa import Load, LoadTarget, Stream
from spec.memories import Memory
from spec.program import Program
from spec.spans import Span, spans

__all__ = ["Traffic", "weight_traffic"]


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """``read`` counts every byte as often as it is read, ``minimum`` once: the tiles as they stand in memory."""

    read: int
    minimum: int


def weight_traffic(program: Program) -> Traffic:
    """Return the bytes that STREAMs, and LOADs to the scratchpad, read from the program's constants."""
    reads: list[Span] = []
    for instruction in program:
        match instruction:
            case Stream() | Load(target=LoadTarget.SCRATCHPAD):
                reads += (span for span in spans(program.config, instruction) if span.memory is Memory.MAIN)
    minimum = end = 0
    for span in sorted(reads, key=lambda span: span.start):
        minimum += max(0, span.stop - max(span.start, end))
        end = max(end, span.stop)
    return Traffic(read=sum(span.stop - span.start for span in reads), minimum=minimum)
