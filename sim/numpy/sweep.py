"""SWEEP: second passes over int16 rows, all rows at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.numpy import arithmetic
from sim.numpy.moments import add_moments
from sim.numpy.row_unit import RowUnit
from sim.numpy.rows import row_view, store_rows
from sim.numpy.state import State
from spec.arithmetic import MEAN_FRACTION, row_shifts
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES, Sweep, SweepKind

__all__ = ["SweepStep"]


class SweepStep:
    """One SWEEP.

    Parameters
    ----------
    config : AcceleratorConfig
        Shapes of the words.
    sweep : Sweep
        The instruction, checked.
    """

    def __init__(self, config: AcceleratorConfig, sweep: Sweep) -> None:
        self._config, self._sweep = config, sweep
        self._entries = slice(sweep.stats_addr, sweep.stats_addr + sweep.m)

    def run(self, state: State) -> None:
        """Pass over the rows."""
        sweep, lanes = self._sweep, self._config.lanes
        start = sweep.src_addr * lanes + (sweep.src_lane if sweep.kind == SweepKind.GATHER else 0)
        rows = row_view(state.vector, start, sweep.m, sweep.src_stride * lanes, sweep.n)
        match sweep.kind:
            case SweepKind.MOMENTS:
                self._moments(state, rows)
            case SweepKind.SOFTMAX:
                self._softmax(state, rows)
            case SweepKind.LAYERNORM:
                self._layernorm(state, rows)
            case SweepKind.GATHER:
                self._gather(state, rows)

    def _moments(self, state: State, rows: NDArray[np.int16]) -> None:
        add_moments(state, self._entries, rows, first=True)
        RowUnit(self._sweep.stats_addr, self._sweep.m, self._sweep.row_length).run(state)

    def _softmax(self, state: State, rows: NDArray[np.int16]) -> None:
        """Write whole words: zeros from ``n`` to the end of the last one."""
        sweep = self._sweep
        width = -(-sweep.n // self._config.rows) * self._config.rows
        numerators = np.zeros((sweep.m, width), np.uint8)
        maximum = state.stats_a[self._entries, np.newaxis].astype(np.int32)
        numerators[:, : sweep.n] = state.tables[sweep.table][np.clip(maximum - rows, 0, TABLE_ENTRIES - 1)]
        self._store(state, numerators)
        state.stats_b[self._entries] = numerators.sum(axis=1, dtype=np.int64)
        RowUnit(sweep.stats_addr, sweep.m, None).run(state)

    def _layernorm(self, state: State, rows: NDArray[np.int16]) -> None:
        sweep, lanes = self._sweep, self._config.lanes
        normalized = self._normalize(state, rows)
        store_rows(state.vector, sweep.src_addr * lanes, sweep.src_stride * lanes, normalized.astype(np.int16), sweep.n)
        first = sweep.param_addr * lanes
        mul2, bias = (values.reshape(-1)[first : first + sweep.n] for values in (state.mul2, state.bias))
        self._store(state, self._scale(normalized, mul2, bias))

    def _gather(self, state: State, column: NDArray[np.int16]) -> None:
        sweep = self._sweep
        lane = sweep.dest_byte % self._config.lanes
        mul2, bias = (values[sweep.param_addr, lane] for values in (state.mul2, state.bias))
        self._store(state, self._scale(column, mul2, bias), sweep.dest_byte)

    def _normalize(self, state: State, rows: NDArray[np.int16]) -> NDArray[np.float64]:
        """Return :func:`spec.arithmetic.normalize` of the rows."""
        mean, mul, total = (
            scalars[self._entries, np.newaxis] for scalars in (state.scalar_mean, state.scalar_mul, state.scalar_total)
        )
        pre_shift, shift = row_shifts(total)
        centred = rows * np.float64(1 << MEAN_FRACTION)
        centred -= mean
        requantized = arithmetic.requantize(
            centred, arithmetic.shift_factor(pre_shift), mul * arithmetic.shift_factor(shift)
        )
        return arithmetic.saturate(requantized, 16)

    def _scale(self, h: NDArray[Any], mul2: Any, bias: Any) -> NDArray[np.uint8]:
        """Return the low bytes of :func:`spec.arithmetic.scale_row` of the rows."""
        sweep = self._sweep
        scaled = np.multiply(h, mul2, dtype=np.float64)
        scaled += bias
        scaled = arithmetic.multiply_shift(scaled, arithmetic.shift_factor(sweep.second_shift), out=scaled)
        return np.clip(scaled, sweep.clip_low, sweep.clip_high, out=scaled).astype(np.int16).astype(np.uint8)

    def _store(self, state: State, results: NDArray[np.uint8], byte: int = 0) -> None:
        sweep, unit = self._sweep, self._config.rows
        store_rows(state.scratchpad, sweep.dest_addr * unit + byte, sweep.dest_stride * unit, results, results.shape[1])
