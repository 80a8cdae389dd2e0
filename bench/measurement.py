"""What one run on the RTL took."""

from dataclasses import dataclass
from typing import Any

from spec.config import AcceleratorConfig

__all__ = ["CAUSES", "Measurement"]

CAUSES = {
    "busy": "array busy",
    "wait_weights": "waits for weights",
    "wait_operand": "waits for an operand in the scratchpad",
    "wait_bank": "waits for a drain to free a bank",
    "wait_post": "waits for softmax, LayerNorm or a drain's result",
    "wait_load": "waits for a LOAD",
    "wait_instruction": "has no instruction: start, end and dispatch",
}
"""Counters of the array, without their prefix, and what they count. Every cycle counts in exactly one of them."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Counters of a run, or of what one run does more than another.

    Parameters
    ----------
    config : AcceleratorConfig
    macs : int
        Useful multiply-accumulates: those of the model, not of padding.
    counters : dict of str to int
        The RTL's own, by name.
    """

    config: AcceleratorConfig
    macs: int
    counters: dict[str, int]

    def __sub__(self, other: "Measurement") -> "Measurement":
        """Return what this run does more than ``other``."""
        counters = {name: value - other.counters[name] for name, value in self.counters.items()}
        return Measurement(config=self.config, macs=self.macs - other.macs, counters=counters)

    @property
    def cycles(self) -> int:
        """From START to DONE."""
        return self.counters["cycles"]

    @property
    def utilization(self) -> float:
        """Useful multiply-accumulates over those of all processing elements in all cycles, in percent."""
        return round(100 * self.macs / (self.config.macs * self.cycles), 3)

    @property
    def attribution(self) -> dict[str, int]:
        """Cycles by what the array did or waited for; they sum to :attr:`cycles`."""
        return {cause: self.counters[f"array_{cause}"] for cause in CAUSES}

    def to_json(self) -> dict[str, Any]:
        """What tables need."""
        return {
            "macs": self.macs,
            "cycles": self.cycles,
            "utilization": self.utilization,
            "attribution": self.attribution,
        }
