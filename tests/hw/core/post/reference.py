"""DRAIN and SWEEP in NumPy, from docs/architecture.md and spec.arithmetic."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spec.arithmetic import (
    layernorm_scalars,
    normalize,
    reciprocal_scalars,
    requantize,
    round_shift,
    row_shifts,
    saturate,
    scale_row,
    softmax_index,
    wrap,
)
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, Instruction, ParamMode, SecondStage, Stats, Sweep, SweepKind

__all__ = ["PostState"]

Array = NDArray[np.int64]


@dataclass(kw_only=True)
class PostState:
    """All memories of the post-processor, the scratchpad and what went to memory, in int64."""

    config: AcceleratorConfig
    scratchpad: Array  # [words, rows]
    vector: Array  # [words, lanes]
    bias: Array  # [param_words, lanes]
    mul: Array
    mul2: Array
    tables: Array  # [tables, 2048]
    a: Array  # [acc_depth]
    b: Array
    row_mul: Array
    row_total: Array
    row_mean: Array
    memory: list[tuple[int, tuple[int, ...], int]] = field(default_factory=list)  # addr, chunk, last

    def execute(self, i: Instruction, acc: Array | None = None) -> None:
        """Change the state as the instruction does; ``acc`` holds ``m`` rows of whole tiles for a DRAIN."""
        if isinstance(i, Drain):
            assert acc is not None
            self._drain(i, acc)
        else:
            assert isinstance(i, Sweep)
            {
                SweepKind.MOMENTS: self._moments,
                SweepKind.SOFTMAX: self._softmax,
                SweepKind.LAYERNORM: self._layernorm,
                SweepKind.GATHER: self._gather,
            }[SweepKind(i.kind)](i)

    def _drain(self, i: Drain, acc: Array) -> None:
        config = self.config
        lanes, cols = config.lanes, config.cols
        for tile in range(-(-i.n // cols)):
            for m in range(i.m):
                for c in range(tile * cols, min((tile + 1) * cols, i.n), lanes):
                    self._drain_chunk(i, m, c, acc[m, c : c + lanes], first=tile == 0)
        if i.stats_last and i.stats == Stats.MOMENTS:
            self._start_moments(i.stats_addr, i.m, i.row_length)

    def _drain_chunk(self, i: Drain, m: int, c: int, acc: Array, *, first: bool) -> None:
        lanes = self.config.lanes
        j = c // lanes
        word = i.param_addr + {ParamMode.COLUMN: j, ParamMode.ROW: m, ParamMode.FIXED: 0}[ParamMode(i.param_mode)]
        v = acc + self.bias[word]
        if i.dest == Destination.MEMORY:
            last = m == i.m - 1 and c + lanes >= i.n
            self.memory.append((i.dest_addr, tuple(int(x) for x in wrap(v, 32)), int(last)))
            return
        row = i.stats_addr + m
        mul, p, s = self.mul[word], np.asarray(i.pre_shift), np.asarray(i.shift)
        if i.row_scale:
            mul = self.row_mul[row]
            p, s = row_shifts(self.row_total[row])
        y = requantize(v, p, mul, s)
        if i.second == SecondStage.RESIDUAL:
            residual = self.vector[i.res_addr + m * i.res_stride + j]
            y = y + saturate(round_shift(residual * self.mul2[word], i.second_shift), 18)
        elif i.second == SecondStage.SCALE:
            y = saturate(round_shift(y * self.mul2[word], i.second_shift), 18)
        y = np.clip(y, i.clip_low, i.clip_high)
        if i.table_enable:
            y = self.tables[i.table][y & 2047]

        count = min(lanes, i.n - c)
        y = y[:count]
        if i.dest == Destination.SCRATCHPAD:
            self._write_bytes(i.dest_addr + m * i.dest_stride, c, y)
        else:
            self.vector[i.dest_addr + m * i.dest_stride + j, :count] = wrap(y, 16)
        starts = first and bool(i.stats_first) and c == 0
        if i.stats == Stats.MAX:
            self.a[row] = max(-32768 if starts else self.a[row], y.max())
        elif i.stats == Stats.MOMENTS:
            self.a[row] = wrap((0 if starts else self.a[row]) + y.sum(), 29)
            self.b[row] = ((0 if starts else self.b[row]) + (y * y).sum()) % (1 << 44)

    def _moments(self, i: Sweep) -> None:
        for m in range(i.m):
            x = self._row(i, m)
            self.a[i.stats_addr + m], self.b[i.stats_addr + m] = wrap(x.sum(), 29), (x * x).sum() % (1 << 44)
        self._start_moments(i.stats_addr, i.m, i.row_length)

    def _softmax(self, i: Sweep) -> None:
        for m in range(i.m):
            row = i.stats_addr + m
            e = self.tables[i.table][softmax_index(self._row(i, m), self.a[row])]
            padding = -i.n % self.config.rows
            self._write_bytes(i.dest_addr + m * i.dest_stride, 0, np.concatenate([e, np.zeros(padding, np.int64)]))
            self.b[row] = e.sum()
        rows = slice(i.stats_addr, i.stats_addr + i.m)
        self.row_mul[rows], self.row_total[rows], self.row_mean[rows] = reciprocal_scalars(self.b[rows])

    def _layernorm(self, i: Sweep) -> None:
        words = np.arange(i.n) // self.config.lanes
        lanes = np.arange(i.n) % self.config.lanes
        for m in range(i.m):
            row = i.stats_addr + m
            h = normalize(self._row(i, m), self.row_mean[row], self.row_mul[row], self.row_total[row])
            self.vector[i.src_addr + m * i.src_stride + words, lanes] = h
            mul2, bias = self.mul2[i.param_addr + words, lanes], self.bias[i.param_addr + words, lanes]
            y = scale_row(h, mul2, bias, i.second_shift, i.clip_low, i.clip_high)
            self._write_bytes(i.dest_addr + m * i.dest_stride, 0, y)

    def _gather(self, i: Sweep) -> None:
        lane = i.dest_byte % self.config.lanes
        mul2, bias = self.mul2[i.param_addr, lane], self.bias[i.param_addr, lane]
        for m in range(i.m):
            h = self.vector[i.src_addr + m * i.src_stride, i.src_lane]
            y = scale_row(h, mul2, bias, i.second_shift, i.clip_low, i.clip_high)
            self._write_bytes(i.dest_addr + m * i.dest_stride, i.dest_byte, y[None])

    def _row(self, i: Sweep, m: int) -> Array:
        start = i.src_addr + m * i.src_stride
        return self.vector[start : start + -(-i.n // self.config.lanes)].ravel()[: i.n].copy()

    def _write_bytes(self, word: int, column: int, y: Array) -> None:
        columns = column + np.arange(len(y))
        self.scratchpad[word + columns // self.config.rows, columns % self.config.rows] = y & 255

    def _start_moments(self, first: int, m: int, length: int) -> None:
        rows = slice(first, first + m)
        scalars = layernorm_scalars(self.a[rows], self.b[rows], length)
        self.row_mul[rows], self.row_total[rows], self.row_mean[rows] = scalars
