"""Order of the work: sweeps fill the time that the array needs for the next product."""

import dataclasses
from collections import deque
from dataclasses import dataclass

from spec.isa import Destination, Drain, Gemm, ParamMode, Sweep, SweepKind
from sw.lowering.builder import Builder
from sw.lowering.steps import Binding, Step

__all__ = ["Product", "Schedule"]

ROW_UNIT_CYCLES = 16
"""For one row in the row unit, which works on one at a time."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """A GEMM with its DRAIN, over all columns.

    Parameters
    ----------
    label : str
        Of its steps.
    gemm, drain : Gemm, Drain
        ``drain.param_addr`` is bound to ``params``, ``drain.table`` to ``table``, ``gemm.a_addr`` to ``a``.
    params : Binding
    table, a : Binding, optional
    weights_addr : int
        Byte address of the tiles, if B is streamed.
    cut : int
        The product may be split at multiples of this many columns.
    """

    label: str
    gemm: Gemm
    drain: Drain
    params: Binding
    table: Binding | None = None
    a: Binding | None = None
    weights_addr: int = 0
    cut: int


@dataclass
class _Deferred:
    label: str
    sweep: Sweep
    bindings: dict[str, Binding]


class Schedule:
    """Emits products at once and sweeps when they do not keep the array waiting.

    A static estimate of both engines' time decides how many rows of waiting sweeps go in front of a DRAIN. It changes
    only the order of independent work; the caller asks for :meth:`flush` where results are needed.

    Parameters
    ----------
    builder : Builder
    eager : bool
        Emit sweeps at once: less overlap, but fewer constants in use at the same time.
    """

    def __init__(self, builder: Builder, *, eager: bool) -> None:
        self._builder = builder
        self._eager = eager
        self._config = builder.config
        self._waiting: deque[_Deferred] = deque()
        self._deferred = 0
        self._array_time = 0
        self._post_time = 0
        self.array_cycles = 0

    @property
    def idle(self) -> bool:
        """Whether no sweep is waiting."""
        return not self._waiting

    def is_waiting(self, number: int) -> bool:
        """Whether the sweep of this number is waiting."""
        return number >= self._deferred - len(self._waiting)

    def defer(self, label: str, sweep: Sweep, **bindings: Binding) -> int:
        """Add a sweep to the waiting work and return its number; sweeps are emitted in this order."""
        self._waiting.append(_Deferred(label, sweep, bindings))
        self._deferred += 1
        if self._eager:
            self.flush()
        return self._deferred - 1

    def flush(self, number: int | None = None) -> None:
        """Emit the waiting sweeps, or those up to the one of a number; the array is taken to need them next."""
        last = self._deferred - 1 if number is None else number
        while self.is_waiting(last):
            self._emit_sweep(self._waiting[0].sweep.m)
            self._array_time = max(self._array_time, self._post_time)

    def multiply(self, product: Product, *, first: int = 0, stop: int | None = None) -> None:
        """Emit a product, or its columns from ``first`` to ``stop`` (multiples of ``cut``, or the end).

        While sweeps are waiting it is split so that they can go in between.
        """
        stop = product.gemm.n if stop is None else stop
        column = first
        while column < stop:
            end = stop if self.idle else min(column + product.cut, stop)
            self._multiply_columns(product, column, end)
            column = end

    def _multiply_columns(self, product: Product, first: int, stop: int) -> None:
        gemm, drain, config = product.gemm, product.drain, self._config
        tiles = -(-(stop - first) // config.cols)
        tile_cycles = gemm.k_tiles * max(gemm.m, config.cols)
        drain_cycles = gemm.m * config.chunks_per_tile
        columns = stop - first
        whole = columns == gemm.n
        b_addr = gemm.b_addr + first * gemm.b_stride
        self._builder.emit(
            Step(
                dataclasses.replace(gemm, n=columns, b_addr=b_addr),
                product.label,
                {"a_addr": product.a} if product.a else {},
                weights_addr=product.weights_addr + first * gemm.k_tiles * config.rows,
            )
        )
        # The array waits when all banks are full: by then the first tile of this product must be drained.
        self._fill(self._array_time + config.acc_banks * tile_cycles - drain_cycles)
        self._array_time += tiles * tile_cycles
        self._post_time = max(self._post_time + tiles * drain_cycles, self._array_time + drain_cycles)
        self.array_cycles += tiles * tile_cycles
        chunk = first // config.lanes
        bindings = {"param_addr": product.params}
        if drain.param_mode == ParamMode.COLUMN:
            bindings["param_addr"] = Binding(product.params.resident, product.params.offset + chunk)
        if product.table:
            bindings["table"] = product.table
        if not whole:
            drain = dataclasses.replace(
                drain,
                n=columns,
                dest_addr=drain.dest_addr + self._words(drain, first),
                res_addr=drain.res_addr + chunk,
                stats_first=drain.stats_first if first == 0 else 0,
                stats_last=drain.stats_last if stop == gemm.n else 0,
            )
        self._builder.emit(Step(drain, product.label, bindings))

    def _words(self, drain: Drain, columns: int) -> int:
        """Words of the destination that so many columns fill."""
        per_word = {Destination.SCRATCHPAD: self._config.rows, Destination.VECTOR: self._config.lanes}
        return columns // per_word[Destination(drain.dest)]

    def _fill(self, deadline: int) -> None:
        """Emit rows of waiting sweeps that are done by ``deadline``."""
        while self._waiting:
            sweep = self._waiting[0].sweep
            rows = min((deadline - self._post_time) // self._row_cycles(sweep), sweep.m)
            if rows <= 0:
                return
            self._emit_sweep(rows)

    def _emit_sweep(self, rows: int) -> None:
        """Emit the first rows of the oldest waiting sweep; the others stay."""
        item = self._waiting[0]
        sweep = item.sweep
        self._builder.emit(Step(dataclasses.replace(sweep, m=rows), item.label, item.bindings))
        self._post_time += rows * self._row_cycles(sweep)
        if rows == sweep.m:
            self._waiting.popleft()
            return
        item.sweep = dataclasses.replace(
            sweep,
            m=sweep.m - rows,
            src_addr=sweep.src_addr + rows * sweep.src_stride,
            dest_addr=sweep.dest_addr + rows * sweep.dest_stride,
            stats_addr=sweep.stats_addr + rows,
        )

    def _row_cycles(self, sweep: Sweep) -> int:
        chunks = -(-sweep.n // self._config.lanes)
        return max(chunks, ROW_UNIT_CYCLES) if sweep.kind == SweepKind.LAYERNORM else chunks
