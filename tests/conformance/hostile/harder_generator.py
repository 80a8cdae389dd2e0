"""Valid programs with corners that :class:`tests.conformance.generator.Generator` leaves out."""

from dataclasses import replace
from typing import Any

import numpy as np

from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, SecondStage, Stats
from tests.conformance.assembler import Assembler
from tests.conformance.generator import Generator

__all__ = ["HarderGenerator"]

SMALL = {"most_rows": 24, "most_tiles": 3, "most_k_tiles": 4}
LARGE = {"most_rows": 1 << 12, "most_tiles": 6, "most_k_tiles": 12}

RESERVE = 0x8000
"""Bytes of constants that the end of a program may take."""


class HarderGenerator(Generator):
    """Large products, all shifts, empty clipping ranges, rows that overlap, scalars of any rows, constants anywhere.

    Parameters
    ----------
    config : AcceleratorConfig
    seed : int
        Same seed and configuration, same program.
    """

    def __init__(self, config: AcceleratorConfig, seed: int) -> None:
        rng = np.random.default_rng(seed)
        limits = dict(LARGE if rng.random() < (0.1 if config.core == "micro" else 0.3) else SMALL)
        limits["most_k_tiles"] = min(limits["most_k_tiles"], config.scratchpad_words // 2)
        super().__init__(config, rng, Assembler(config, constants_addr=64 * int(rng.integers(64))), **limits)

    def steps(self, count: int) -> None:
        """Append so many steps, or fewer where their constants have no room."""
        for _ in range(count):
            pending = sum(words.size for words in self.weights)
            if self.asm.room - pending < 2 * RESERVE:
                break
            self.step()

    def width(self) -> int:
        config = self.config
        return min(super().width(), config.vector_words * config.lanes, config.scratchpad_words * config.rows)

    def clip_fields(self) -> dict[str, int]:
        fields = super().clip_fields()
        if self.chance(0.1):
            fields = {"clip_low": fields["clip_high"], "clip_high": fields["clip_low"]}
        return fields

    def any_drain(self, m: int, n: int) -> Drain:
        drain = super().any_drain(m, n)
        if self.chance(0.3):
            pre_shift, shift, second_shift = (self.integer(0, 31) for _ in range(3))
            drain = replace(drain, pre_shift=pre_shift, shift=shift, second_shift=second_shift)
        overlapping = drain.second != SecondStage.RESIDUAL and drain.dest != Destination.MEMORY
        if overlapping and self.chance(0.15):
            drain = replace(drain, dest_stride=self.integer(0, drain.dest_stride))
        if drain.row_scale and drain.stats == Stats.NONE:
            drain = replace(drain, stats_addr=self.integer(0, self.config.acc_depth - m))
        return drain

    def sweep(self, *args: Any, **kwargs: Any) -> None:
        super().sweep(*args, **kwargs)
        if self.chance(0.3):
            sweep: Any = self.asm.instructions[-1]
            self.asm.instructions[-1] = replace(sweep, second_shift=self.integer(0, 31))
