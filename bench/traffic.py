"""Bytes of weights that a program reads."""

from dataclasses import dataclass

from spec.isa import Load, LoadTarget, Stream
from spec.program import Program

__all__ = ["Traffic", "weight_traffic"]


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """``read`` counts every byte as often as it is read, ``minimum`` once: the tiles as they stand in memory."""

    read: int
    minimum: int


def weight_traffic(program: Program) -> Traffic:
    """Return the bytes that STREAMs, and LOADs to the scratchpad, read from the program's constants."""
    spans = []
    for instruction in program:
        match instruction:
            case Stream(mem_addr=addr, count=count) | Load(target=LoadTarget.SCRATCHPAD, mem_addr=addr, count=count):
                spans.append((addr, addr + count * program.config.rows))
    minimum = end = 0
    for start, stop in sorted(spans):
        minimum += max(0, stop - max(start, end))
        end = max(end, stop)
    return Traffic(read=sum(stop - start for start, stop in spans), minimum=minimum)
