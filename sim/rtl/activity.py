"""What the engines did in every cycle of a run."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Activity", "activity_header"]

_BITS = 24  # of a word of activity, below the cycle

_ENGINES = ("load", "array", "post")

# Ports of the probes whose bits make a word, low bits first, and the names of these bits. Of two ports, both are high.
_PROBES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("enable",), ("enable",)),
    (("array",), ("array_busy", "array_wait_weights", "array_wait_operand", "array_wait_bank")),
    (("array_lacks",), tuple(f"array_lacks_{engine}" for engine in _ENGINES)),
    (("post",), ("post_busy", "post_wait_bank", "post_wait_row", "post_wait_memory")),
    (("post_lacks",), tuple(f"post_lacks_{engine}" for engine in _ENGINES)),
    (("load_busy",), ("load_busy",)),
    (("weight_beat",), ("weight_beat",)),
    *(((f"{engine}_valid", f"{engine}_ready"), (f"{engine}_issued",)) for engine in _ENGINES),
    *(((f"{engine}_done",), (f"{engine}_done",)) for engine in _ENGINES),
)
_FIELDS = tuple(name for _, names in _PROBES for name in names)


def activity_header() -> str:
    """Return the C++ that puts the probes of a design together to a word of activity."""
    place, lines = 0, ["uint32_t word = 0;"]
    for ports, names in _PROBES:
        levels = " & ".join(f"low(top.p_probe__{port.replace('_', '__')})" for port in ports)
        lines.append(f"word |= ({levels}) << {place};")
        place += len(names)
    assert place <= _BITS
    body = "".join(f"    {line}\n" for line in [*lines, "return word;"])
    return (
        f'#pragma once\n\n#include "ports.h"\n\nconstexpr unsigned ACTIVITY_BITS = {_BITS};\n\n'
        f"inline uint32_t activity(const Design &top) {{\n{body}}}\n"
    )


class Activity:
    """A record of the signals that the performance counters count, with their changes alone.

    Cycle 0 is the first that counters count; the last one that they count ends the record.

    Parameters
    ----------
    changes : uint64 [n]
        The simulator's record: cycle in the high 40 bits, signals in the low 24.

    Attributes
    ----------
    cycles : int
        Cycles of the run.
    """

    def __init__(self, changes: NDArray[np.uint64]) -> None:
        words = (changes & np.uint64((1 << _BITS) - 1)).astype(np.int64)
        times = (changes >> np.uint64(_BITS)).astype(np.int64)
        (running,) = np.nonzero(words & 1)
        first, last = (running[0], running[-1]) if running.size else (0, -1)
        end = times[last + 1] if last + 1 < times.size else (times[last] + 1 if running.size else 0)
        self._words = words[first : last + 1]
        start = times[first] if running.size else 0
        self._bounds = np.append(times[first : last + 1], end) - start
        self.cycles = int(end - start)

    def spans(self, name: str) -> NDArray[np.int64]:
        """Return [n, 2]: where a signal is high from its first cycle to before its second.

        Names are those of the counters ``array_busy`` to ``array_wait_bank``, ``array_wait_load``, ``array_wait_post``,
        ``array_wait_instruction``, those of ``post``, ``load_busy``, and ``weight_beat``.
        """
        return self._spans(self._level(name))

    def times(self, name: str) -> NDArray[np.int64]:
        """Return every cycle of a pulse: ``load_issued``, ``array_issued``, ``post_issued``, or ``_done`` of these."""
        spans = self._spans(self._bit(name))
        return np.concatenate([np.arange(start, stop) for start, stop in spans] or [np.zeros(0, np.int64)])

    def count(self, name: str) -> int:
        """Return the cycles of :meth:`spans`."""
        spans = self.spans(name)
        return int((spans[:, 1] - spans[:, 0]).sum())

    def _bit(self, name: str) -> NDArray[np.bool_]:
        bit: NDArray[np.bool_] = (self._words >> _FIELDS.index(name) & 1).astype(bool)
        return bit

    def _level(self, name: str) -> NDArray[np.bool_]:
        """A signal, or what the counters make of several: cycles without a cause lack tokens or an instruction."""
        engine, _, cause = name.partition("_wait_")
        if name in _FIELDS:
            return self._bit(name)
        other = {"array": "post", "post": "array"}[engine]
        prefix = f"{engine}_"
        causes = [field for field in _FIELDS if field.startswith((f"{prefix}busy", f"{prefix}wait_"))]
        without = ~np.any([self._bit(field) for field in causes], axis=0)
        lacks_load = without & self._bit(f"{prefix}lacks_load")
        lacks_other = without & self._bit(f"{prefix}lacks_{other}") & ~lacks_load
        nothing = without & ~lacks_load & ~lacks_other
        levels: dict[str, NDArray[np.bool_]] = {"load": lacks_load, other: lacks_other, "instruction": nothing}
        return levels[cause]

    def _spans(self, level: NDArray[np.bool_]) -> NDArray[np.int64]:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], level, [False]]).astype(np.int8)))
        return self._bounds[edges].reshape(-1, 2)
