"""The trace format that Perfetto and Chrome open."""

from collections.abc import Iterable
from typing import Any

from sw.timeline.slices import TRACKS, Slice

__all__ = ["chrome_trace"]

_PROCESS = 0


def chrome_trace(slices: Iterable[Slice], **about: str) -> dict[str, Any]:
    """Return the content of a JSON file for https://ui.perfetto.dev: a thread for each track, a microsecond a cycle.

    Parameters
    ----------
    slices : iterable of Slice
    **about : str
        What the file says of itself.
    """
    events: list[dict[str, Any]] = []
    for number, track in enumerate(TRACKS):
        common = {"ph": "M", "pid": _PROCESS, "tid": number}
        events.append({"name": "thread_name", **common, "args": {"name": track}})
        events.append({"name": "thread_sort_index", **common, "args": {"sort_index": number}})
    for each in sorted(slices, key=lambda each: (TRACKS.index(each.track), each.start)):
        event = {"name": each.name, "ph": "X", "pid": _PROCESS, "tid": TRACKS.index(each.track), "ts": each.start}
        event["dur"] = each.stop - each.start
        if each.index is not None:
            event["args"] = {"instruction": each.index}
        events.append(event)
    return {"traceEvents": events, "otherData": {"time": "1 us is one cycle", **about}}
