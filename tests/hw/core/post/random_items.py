"""Legal instructions of every kind, drawn at random."""

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, Instruction, ParamMode, SecondStage, Sweep, SweepKind

__all__ = ["RandomItems", "accumulators"]

Array = NDArray[np.int64]
Item = tuple[Instruction, Array | None]


def accumulators(config: AcceleratorConfig, rng: np.random.Generator, m: int, n: int) -> Array:
    """Sums of all magnitudes for ``m`` rows and all tiles of ``n`` columns, with the extremes of int32."""
    shape = (m, -(-n // config.cols) * config.cols)
    values = rng.integers(-(1 << 31), 1 << 31, shape) >> rng.integers(0, 32, shape)
    return np.where(rng.random(shape) < 0.05, rng.choice([-(1 << 31), (1 << 31) - 1], shape), values)


class RandomItems:
    """Draws instructions for one configuration; ``most_m`` rows and ``most_n`` columns at most."""

    def __init__(
        self, config: AcceleratorConfig, rng: np.random.Generator, *, words: int, most_m: int, most_n: int
    ) -> None:
        self._config, self._rng, self._words = config, rng, words
        self._most_m, self._most_n = min(most_m, config.acc_depth), most_n

    def draw(self) -> Item:
        """A DRAIN or a SWEEP, with the accumulators that the former drains."""
        if self._chance(0.5):
            return self.drain()
        return self.sweep(SweepKind(self._below(4)))

    def drain(self, **chosen: int) -> Item:
        """A DRAIN with the chosen fields."""
        config = self._config
        m, n = self._shape(chosen)
        dest = Destination(chosen.pop("dest", self._below(3)))
        mode = ParamMode(chosen.pop("param_mode", self._below(3)))
        chunks = -(-n // config.lanes)
        fields = {
            "m": m,
            "n": n,
            "dest": dest,
            "param_mode": mode,
            "param_addr": self._fit(
                config.param_words, {ParamMode.COLUMN: chunks, ParamMode.ROW: m, ParamMode.FIXED: 1}[mode]
            ),
            "pre_shift": self._below(32),
            "shift": self._below(32),
            "row_scale": self._below(2),
            "second": self._below(3),
            "second_shift": self._below(32),
            "stats_addr": self._fit(config.acc_depth, m),
            "table": self._below(config.tables),
            **self._clips(),
        }
        if dest == Destination.MEMORY:
            fields |= {"dest_addr": 64 * self._below(1 << 20), "row_scale": 0, "second": SecondStage.NONE}
        elif dest == Destination.SCRATCHPAD:
            fields |= dict(
                zip(("dest_addr", "dest_stride"), self._rows(self._words, m, -(-n // config.rows)), strict=True)
            )
            fields["table_enable"] = self._below(2)
        else:
            self._place_vectors(fields, m, chunks)
            fields |= {
                "stats": self._below(3),
                "stats_first": self._below(2),
                "stats_last": self._below(2),
                "row_length": int(self._rng.integers(1, 1 << 13)),
            }
        if "res_addr" not in fields:
            fields["res_addr"], fields["res_stride"] = self._rows(config.vector_words, m, chunks)
        return Drain(**(fields | chosen)), accumulators(config, self._rng, m, n)

    def sweep(self, kind: SweepKind, **chosen: int) -> Item:
        """A SWEEP of one kind with the chosen fields."""
        config = self._config
        m, n = self._shape(chosen)
        if kind == SweepKind.GATHER:
            n = 1
        chunks = -(-n // config.lanes)
        src_addr, src_stride = self._rows(config.vector_words, m, chunks)
        dest_addr, dest_stride = self._rows(self._words, m, -(-n // config.rows))
        fields = {
            "kind": kind,
            "m": m,
            "n": n,
            "src_addr": src_addr,
            "src_stride": src_stride,
            "src_lane": self._below(config.lanes),
            "dest_addr": dest_addr,
            "dest_stride": dest_stride,
            "dest_byte": self._below(config.rows),
            "param_addr": self._fit(config.param_words, chunks),
            "second_shift": self._below(32),
            "table": self._below(config.tables),
            "stats_addr": self._fit(config.acc_depth, m),
            "row_length": int(self._rng.integers(1, 1 << 13)),
            **self._clips(),
        }
        return Sweep(**(fields | chosen)), None

    def _below(self, end: int) -> int:
        return int(self._rng.integers(end))

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _shape(self, chosen: dict[str, int]) -> tuple[int, int]:
        m = chosen.pop("m", 1 if self._chance(0.3) else 1 + self._below(self._most_m))
        return m, chosen.pop("n", 1 + self._below(self._most_n))

    def _fit(self, size: int, words: int) -> int:
        return self._below(size - words + 1)

    def _rows(self, size: int, m: int, words: int) -> tuple[int, int]:
        """Address and stride of ``m`` rows of ``words`` words that do not overlap, within ``size``."""
        stride = words + self._below(min(2, (size - words) // (m - 1) - words) + 1) if m > 1 else self._below(1 << 16)
        return self._fit(size, (m - 1) * stride + words) if m > 1 else self._fit(size, words), stride

    def _clips(self) -> dict[str, int]:
        low, high = sorted(int(x) for x in self._rng.integers(-(1 << 15), 1 << 15, 2))
        choices = [(-(1 << 15), (1 << 15) - 1), (-127, 127), (0, 2047), (low, high), (high, low)]
        return dict(zip(("clip_low", "clip_high"), choices[self._below(len(choices))], strict=True))

    def _place_vectors(self, fields: dict[str, int], m: int, chunks: int) -> None:
        """Residual and result in place, or in different halves of the memory."""
        half = self._config.vector_words // 2
        residual, result = self._rows(half, m, chunks), self._rows(half, m, chunks)
        residual = result if self._chance(0.3) else (residual[0] + half, residual[1])
        fields["res_addr"], fields["res_stride"] = residual
        fields["dest_addr"], fields["dest_stride"] = result
