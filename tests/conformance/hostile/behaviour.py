"""What a hostile memory does, within AXI's rules and beyond."""

import ctypes
import random
from dataclasses import astuple, dataclass, fields
from typing import Any

__all__ = ["NEVER", "Behaviour", "BehaviourStructure", "random_timing"]

NEVER = -1
"""An ordinal that does not come."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Timing and faults of the memory, and the timing of the host at the registers.

    Ordinals count the transfers of a channel from the moment on at which the chip is told this behaviour.

    Parameters
    ----------
    stall_ar, stall_r, stall_aw, stall_w, stall_b, stall_host : float
        Chance, in every cycle, that the channel is not ready or has nothing to say.
    ready_after_valid : bool
        ARREADY, AWREADY and WREADY wait for their valid.
    least_read_latency, most_read_latency : int
        Cycles from an address to its first beat.
    least_write_latency, most_write_latency : int
        Cycles from a burst's end to its response.
    stop_ar, stop_r, stop_aw, stop_w, stop_b : int
        Ordinal of the first transfer that does not come, for as long as this behaviour lasts.
    fault_r, fault_b : int
        Ordinal of the beat or response that carries ``fault_response``.
    fault_response : int
        RRESP or BRESP.
    early_last, missing_last : int
        The first read burst from this ordinal on that ends early with RLAST (one of several beats), or without RLAST.
    """

    stall_ar: float = 0.0
    stall_r: float = 0.0
    stall_aw: float = 0.0
    stall_w: float = 0.0
    stall_b: float = 0.0
    stall_host: float = 0.0
    ready_after_valid: bool = False
    least_read_latency: int = 1
    most_read_latency: int = 1
    least_write_latency: int = 1
    most_write_latency: int = 1
    stop_ar: int = NEVER
    stop_r: int = NEVER
    stop_aw: int = NEVER
    stop_w: int = NEVER
    stop_b: int = NEVER
    fault_r: int = NEVER
    fault_b: int = NEVER
    fault_response: int = 2
    early_last: int = NEVER
    missing_last: int = NEVER

    @property
    def structure(self) -> ctypes.Structure:
        """The same for C++."""
        return BehaviourStructure(*astuple(self))


class BehaviourStructure(ctypes.Structure):
    """A behaviour as C++ takes it."""

    _fields_ = tuple((f.name, ctypes.c_double if f.type is float else ctypes.c_int64) for f in fields(Behaviour))


def random_timing(rng: random.Random) -> Behaviour:
    """Return a timing of one of several kinds, without faults."""

    def stalls(most: float) -> dict[str, float]:
        return {f"stall_{channel}": rng.random() * most for channel in ("ar", "r", "aw", "w", "b", "host")}

    def latencies(read: tuple[int, int], write: tuple[int, int]) -> dict[str, int]:
        names = (f"{end}_{way}_latency" for way in ("read", "write") for end in ("least", "most"))
        return dict(zip(names, (*read, *write), strict=True))

    kinds: list[dict[str, Any]] = [
        {},
        stalls(0.8) | latencies((1, rng.choice([5, 60, 200])), (1, rng.choice([5, 60, 200]))),
        stalls(0.95) | latencies((1, 30), (1, 30)),
        stalls(0.1) | latencies((100, 400), (200, 600)),
        {"stall_aw": 0.95, "stall_w": 0.2, "stall_b": 0.95} | latencies((1, 3), (1, 500)),
        {"stall_w": 0.95, "stall_r": 0.9} | latencies((1, 300), (1, 3)),
    ]
    return Behaviour(**rng.choice(kinds), ready_after_valid=rng.random() < 0.3)
