"""Instructions and stalls as stretches of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.rtl import Activity
from spec.isa import Engine
from sw.timeline.labels import Label

__all__ = ["TRACKS", "Slice", "slices"]

_WEIGHTS = "weight stream"

_CAUSES = {
    Engine.ARRAY: ("busy", "wait_weights", "wait_operand", "wait_bank", "wait_load", "wait_post", "wait_instruction"),
    Engine.POST: ("busy", "wait_bank", "wait_row", "wait_memory", "wait_load", "wait_array", "wait_instruction"),
}

TRACKS = ("LOAD", _WEIGHTS, "ARRAY", "ARRAY cycles", "POST", "POST cycles")
"""Of all slices, from top to bottom. The ``cycles`` of an engine tell what it did in each of them."""

_GAP = 512
"""Beats of weights that are no further apart than this make one slice."""


@dataclass(frozen=True)
class Slice:
    """One stretch on a track, from cycle ``start`` to before ``stop``; ``index`` is the instruction's, if it is one."""

    track: str
    name: str
    start: int
    stop: int
    index: int | None = None


def slices(activity: Activity, labels: Sequence[Label]) -> Iterator[Slice]:
    """Yield the slices of a run, track by track; those of a track are in order and do not overlap.

    An engine that has several instructions under way works on the oldest: a slice ends when the instruction is done,
    and does not begin before the one in front of it has ended.

    Parameters
    ----------
    activity : Activity
    labels : sequence of Label
        One for each instruction of the program.
    """
    for engine in Engine:
        yield from _instructions(activity, labels, engine)
    for engine, causes in _CAUSES.items():
        for cause in causes:
            for start, stop in activity.spans(f"{engine.name.lower()}_{cause}"):
                yield Slice(f"{engine.name} cycles", cause.replace("_", " "), int(start), int(stop))
    start = stop = -_GAP
    for first, end in activity.spans("weight_beat").tolist():
        if first > stop + _GAP:
            if start >= 0:
                yield Slice(_WEIGHTS, "weights", start, stop)
            start = first
        stop = end
    if start >= 0:
        yield Slice(_WEIGHTS, "weights", start, stop)


def _instructions(activity: Activity, labels: Sequence[Label], engine: Engine) -> Iterator[Slice]:
    issued, done = (activity.times(f"{engine.name.lower()}_{event}").tolist() for event in ("issued", "done"))
    own = [index for index, label in enumerate(labels) if label.instruction.engine == engine]
    previous = 0
    for index, start, stop in zip(own, issued, done, strict=True):
        yield Slice(engine.name, labels[index].name, max(start, previous), stop, index)
        previous = stop
