"""How the memory behind the accelerator's bus behaves in a simulation."""

from dataclasses import dataclass

__all__ = ["MemoryModel"]


@dataclass(frozen=True, kw_only=True)
class MemoryModel:
    """Timing and faults of a simulated memory.

    Requests are answered in order. Any number may be under way, each direction on its own.

    Parameters
    ----------
    latency : int
        Cycles from a read address to its first beat.
    write_latency : int
        Cycles from the last beat of a write to its response.
    bytes_per_cycle : float, optional
        Most bytes a cycle in each direction, on average. Default: the width of the bus.
    stall_probability : float
        Chance, in every cycle and for every channel, that the memory is not ready or has nothing to say.
    seed : int
        Seed of the stalls.
    faults : range, optional
        Byte addresses that are answered with SLVERR.
    dead : range, optional
        Byte addresses that are never answered.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    latency: int = 40
    write_latency: int = 40
    bytes_per_cycle: float | None = None
    stall_probability: float = 0.0
    seed: int = 0
    faults: range | None = None
    dead: range | None = None

    def __post_init__(self) -> None:
        for name in ("latency", "write_latency"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        if self.bytes_per_cycle is not None and not self.bytes_per_cycle > 0:
            raise ValueError(f"bytes_per_cycle must be positive, not {self.bytes_per_cycle!r}")
        if not 0 <= self.stall_probability < 1:
            raise ValueError(f"stall_probability must be from 0 to below 1, not {self.stall_probability!r}")
        for name in ("faults", "dead"):
            value = getattr(self, name)
            if value is not None and value.step != 1:
                raise ValueError(f"{name} must be consecutive addresses, not {value!r}")
