"""Tokens between the engines, derived from what the instructions read and write."""

import dataclasses
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spec.config import AcceleratorConfig
from spec.isa import MOST_TOKENS, Drain, Engine, Gemm, Instruction
from spec.memories import Memory
from spec.spans import Span, spans

__all__ = ["add_tokens"]

SHARED = (Memory.SCRATCHPAD, Memory.VECTOR, Memory.PARAMS, Memory.TABLES)
"""Memories on the chip that more than one engine touches."""

Pair = tuple[int, int]
"""Indices of an instruction that signals and of the later one that waits for it."""


def add_tokens(config: AcceleratorConfig, instructions: Sequence[Instruction]) -> list[Instruction]:
    """Return the instructions with the ``wait`` and ``signal`` bits that keep program order visible.

    Every instruction then sees the memories as if all earlier ones had finished (and no later one had begun), however
    the engines run ahead of each other. The k-th signal from one engine to another belongs to the k-th wait.

    Parameters
    ----------
    config : AcceleratorConfig
    instructions : sequence of Instruction
        In program order, all tokens clear; behind a GEMM its DRAIN, at most sweeps in between.

    Raises
    ------
    ValueError
        If a DRAIN, or a sweep in front of it, overwrites an operand of the GEMM that waits for that DRAIN.
    """
    waits, signals = [0] * len(instructions), [0] * len(instructions)
    # The consumer's queue may hold waits whose tokens are all there, beyond those that dispatch still has before it.
    limit = MOST_TOKENS - config.queue_depth - 1
    for (producer, consumer), edges in _edges(config, instructions).items():
        for first, second in _limit_outstanding(_strongest(edges), limit):
            signals[first] |= 1 << consumer
            waits[second] |= 1 << producer
    return [
        dataclasses.replace(instruction, wait=wait, signal=signal)
        for instruction, wait, signal in zip(instructions, waits, signals, strict=True)
    ]


def _edges(config: AcceleratorConfig, instructions: Sequence[Instruction]) -> dict[tuple[Engine, Engine], list[Pair]]:
    """Read-after-write, write-after-read and write-after-write pairs, by engine pair, consumers in program order."""
    edges: dict[tuple[Engine, Engine], list[Pair]] = {(p, c): [] for p in Engine for c in Engine if p != c}
    memories = {memory: _History() for memory in SHARED}
    open_gemm: list[Span] = []
    for index, instruction in enumerate(instructions):
        engine = instruction.engine
        if engine is None:
            continue
        touched = [span for span in spans(config, instruction) if span.memory in memories]
        if isinstance(instruction, Gemm):
            open_gemm = touched
        elif engine == Engine.POST:
            if any(span.conflicts(read) for span in touched for read in open_gemm):
                raise ValueError(f"instruction {index} must not write what the GEMM before its DRAIN reads")
            if isinstance(instruction, Drain):
                open_gemm = []
        needed: dict[Engine, int] = {}
        for span in touched:
            if span.reads:
                memories[span.memory].read(span, engine, index, needed)
        for span in touched:
            if span.writes:
                memories[span.memory].write(span, engine, index, needed)
        for producer, last in needed.items():
            edges[producer, engine].append((last, index))
    return edges


def _strongest(edges: list[Pair]) -> Iterator[Pair]:
    """Drop what an earlier wait already implies: both members of what is left rise strictly."""
    latest = -1
    for producer, consumer in edges:
        if producer > latest:
            latest = producer
            yield producer, consumer


def _limit_outstanding(pairs: Iterator[Pair], limit: int) -> list[Pair]:
    """Join pairs so that at most ``limit`` of them span any point of the program."""
    kept: list[Pair] = []
    for producer, consumer in pairs:
        oldest = len(kept) - limit
        if oldest >= 0 and kept[oldest][1] > producer:
            # All those consumers are behind this producer: the last of them waits for it, on behalf of this one too.
            kept[-1] = producer, kept[-1][1]
        else:
            kept.append((producer, consumer))
    return kept


@dataclass
class _Segment:
    """Neighbouring words with the same history: the last write, and each engine's last read since then."""

    writer: tuple[Engine, int] | None = None
    readers: dict[Engine, int] = field(default_factory=dict)


class _History:
    """Who touched which words of a memory last."""

    def __init__(self) -> None:
        self._starts = [0]
        self._segments = [_Segment()]

    def read(self, span: Span, engine: Engine, index: int, needed: dict[Engine, int]) -> None:
        first, last = self._split(span.start), self._split(span.stop)
        for segment in self._segments[first:last]:
            if segment.writer is not None:
                _need(needed, engine, *segment.writer)
            segment.readers[engine] = index

    def write(self, span: Span, engine: Engine, index: int, needed: dict[Engine, int]) -> None:
        first, last = self._split(span.start), self._split(span.stop)
        for segment in self._segments[first:last]:
            if segment.writer is not None:
                _need(needed, engine, *segment.writer)
            for reader, read_index in segment.readers.items():
                _need(needed, engine, reader, read_index)
        self._starts[first:last] = [span.start]
        self._segments[first:last] = [_Segment((engine, index))]

    def _split(self, at: int) -> int:
        """Make a segment begin at a word and return its place."""
        place = bisect_right(self._starts, at) - 1
        if self._starts[place] == at:
            return place
        whole = self._segments[place]
        self._starts.insert(place + 1, at)
        self._segments.insert(place + 1, _Segment(whole.writer, dict(whole.readers)))
        return place + 1


def _need(needed: dict[Engine, int], engine: Engine, producer: Engine, index: int) -> None:
    """Note that an instruction of ``engine`` comes after instruction ``index`` of ``producer``."""
    if producer != engine:
        needed[producer] = max(needed.get(producer, -1), index)
