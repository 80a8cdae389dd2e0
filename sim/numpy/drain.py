"""DRAIN: accumulators to requantized results, all rows and columns at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.numpy import arithmetic
from sim.numpy.moments import add_moments
from sim.numpy.row_unit import RowUnit
from sim.numpy.rows import row_view, store_rows
from sim.numpy.state import State
from spec.arithmetic import T_BITS, row_shifts
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES, Destination, Drain, ParamMode, SecondStage, Stats

__all__ = ["DrainStep"]

Float = NDArray[np.float64]
Results = NDArray[np.int16]


class DrainStep:
    """One DRAIN.

    Parameters
    ----------
    config : AcceleratorConfig
        Shape of the array and the lanes.
    drain : Drain
        The instruction, checked.
    """

    def __init__(self, config: AcceleratorConfig, drain: Drain) -> None:
        self._config, self._drain = config, drain
        self._tiles = -(-drain.n // config.cols)
        self._stats_rows = slice(drain.stats_addr, drain.stats_addr + drain.m)
        self._row_unit: RowUnit | None = None
        if drain.stats == Stats.MOMENTS and drain.stats_last:
            self._row_unit = RowUnit(drain.stats_addr, drain.m, drain.row_length)

    def run(self, state: State) -> None:
        """Empty the banks."""
        acc = state.banks.take(self._tiles, self._drain.m)
        if self._drain.dest == Destination.MEMORY:
            self._to_memory(state, acc)
            return
        values = self._values(state, acc[:, : self._drain.n])
        results = self._look_up(state, values)
        self._store(state, results)
        self._gather_stats(state, results)

    def _to_memory(self, state: State, acc: NDArray[np.int32]) -> None:
        """Write whole chunks of ``lanes`` columns, tile after tile, row after row."""
        drain, cols, lanes = self._drain, self._config.cols, self._config.lanes
        width = -(-drain.n // lanes) * lanes
        sums = acc[:, :width] + self._params(state.bias, width).astype(np.int32)
        dense = np.concatenate([sums[:, start : start + cols].reshape(-1) for start in range(0, width, cols)])
        state.memory[drain.dest_addr : drain.dest_addr + dense.nbytes] = dense.astype("<i4").view(np.uint8)

    def _values(self, state: State, acc: NDArray[np.int32]) -> Float:
        """Return clipped results ``[m, n]``."""
        drain, n = self._drain, self._drain.n
        v = acc + self._params(state.bias, n)
        pre_factor, factor = self._first_factors(state)
        values = arithmetic.requantize(v, pre_factor, factor)
        if drain.second != SecondStage.NONE:
            factor = self._params(state.mul2, n) * arithmetic.shift_factor(drain.second_shift)
            arithmetic.saturate(values, T_BITS)
            if drain.second == SecondStage.SCALE:
                arithmetic.multiply_shift(values, factor, out=values)
            else:
                values += arithmetic.saturate(arithmetic.multiply_shift(self._residual(state), factor), T_BITS)
        return np.clip(values, drain.clip_low, drain.clip_high, out=values)

    def _first_factors(self, state: State) -> tuple[Any, Any]:
        drain = self._drain
        if not drain.row_scale:
            factor = self._params(state.mul, drain.n) * arithmetic.shift_factor(drain.shift)
            return arithmetic.shift_factor(drain.pre_shift), factor
        rows = self._stats_rows
        pre_shift, shift = row_shifts(state.scalar_total[rows, np.newaxis])
        factor = state.scalar_mul[rows, np.newaxis] * arithmetic.shift_factor(shift)
        return arithmetic.shift_factor(pre_shift), factor

    def _residual(self, state: State) -> NDArray[np.int16]:
        drain, lanes = self._drain, self._config.lanes
        return row_view(state.vector, drain.res_addr * lanes, drain.m, drain.res_stride * lanes, drain.n)

    def _look_up(self, state: State, values: Float) -> Results:
        results = values.astype(np.int16)
        if self._drain.table_enable:
            results = state.tables[self._drain.table][results & (TABLE_ENTRIES - 1)].astype(np.int16)
        return results

    def _store(self, state: State, results: Results) -> None:
        drain, config = self._drain, self._config
        if drain.dest == Destination.SCRATCHPAD:
            memory: NDArray[Any] = state.scratchpad
            unit = config.rows
        else:
            memory, unit = state.vector, config.lanes
        store_rows(memory, drain.dest_addr * unit, drain.dest_stride * unit, results.astype(memory.dtype), config.cols)

    def _gather_stats(self, state: State, results: Results) -> None:
        drain, rows = self._drain, self._stats_rows
        match drain.stats:
            case Stats.MAX:
                a = results.max(axis=1)
                state.stats_a[rows] = a if drain.stats_first else np.maximum(state.stats_a[rows], a)
            case Stats.MOMENTS:
                add_moments(state, rows, results, first=bool(drain.stats_first))
        if self._row_unit:
            self._row_unit.run(state)

    def _params(self, values: Float, n: int) -> Float:
        """Return what goes with each column, ``[n]``, or with each row and column, ``[m, n]``."""
        drain, lanes = self._drain, self._config.lanes
        match drain.param_mode:
            case ParamMode.COLUMN:
                return values.reshape(-1)[drain.param_addr * lanes :][:n]
            case ParamMode.ROW:
                return np.tile(values[drain.param_addr : drain.param_addr + drain.m], -(-n // lanes))[:, :n]
            case _:
                return np.tile(values[drain.param_addr], -(-n // lanes))[:n]
