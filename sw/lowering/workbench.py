"""What operators share while a program is written: its steps, its buffers, and which rows of codes are ready."""

from collections.abc import Callable, Mapping
from functools import cache
from math import lcm

from spec.config import AcceleratorConfig
from spec.isa import Drain, Gemm, LoadTarget
from spec.program import Region
from sw.lowering.blocks import Buffer, Plan, Rows
from sw.lowering.builder import Builder
from sw.lowering.constants import Constants, Matrix, Panel
from sw.lowering.schedule import Product, Schedule
from sw.lowering.steps import Binding, Resident

__all__ = ["Bind", "Workbench", "columns", "streamed"]

Bind = Callable[..., Binding]
"""Parameters of a panel."""


class Workbench:
    """The place where operators put their steps.

    Operators follow each other without a gap in the array where that is possible, but nearly all weights are read once:
    the sweeps of a softmax stand among the products of the next head; those of a norm in front of attention among the
    value matrices of the first heads, which take tokens a few at a time from weights on the chip; those of another norm
    among the last columns in front of it and the first behind it, which are multiplied in two blocks of rows.

    Parameters
    ----------
    constants : Constants
        With everything in its place.
    plan : Plan
    kept : mapping of str to int
        Rows of each operator's results, by its name.
    eager : bool
        Sweeps at once, for small parameter memories.
    whole_values : bool
        The value matrix of every head is one panel.
    """

    def __init__(
        self, constants: Constants, plan: Plan, kept: Mapping[str, int], *, eager: bool, whole_values: bool
    ) -> None:
        self.config: AcceleratorConfig = constants.config
        self.plan, self.kept, self.eager, self.whole_values = plan, kept, eager, whole_values
        self.builder = Builder(self.config, weights_base=constants.weights_base, ring_words=plan.value_weights)
        self.schedule = Schedule(self.builder, eager=eager)
        self.whole_cut = lcm(self.config.rows, self.config.cols)
        """Columns at which any product may be split."""
        self.middle_free = 0
        """Place in the program from which on nothing needs the middle of a feed-forward network any more."""
        self.codes = plan.codes
        """Where the codes stand that the next operator takes."""
        self.unsigned = False
        """Whether they are unsigned."""
        self.inputs: dict[str, Region] = {}
        self.outputs: dict[str, Region] = {}
        self._norms: list[tuple[Rows, int]] = []
        """Rows of the latest norms and the numbers of their last sweeps, which may be waiting."""
        self.unsigned = False
        self._left_by = ""
        self._end = constants.size

    def region(self, dtype: str, shape: tuple[int, ...], padded: tuple[int, ...]) -> Region:
        """Return memory for an input or an output, behind all that is there."""
        region = Region(addr=self._end + -self._end % self.config.bus_bytes, dtype=dtype, shape=shape, padded=padded)
        self._end = region.addr + region.nbytes
        return region

    def words(self, values: int) -> int:
        """Scratchpad words of so many bytes."""
        return -(-values // self.config.rows)

    def bind(self) -> Bind:
        """Parameters that are loaded once for several blocks of rows, if there is room for so much at a time."""
        return columns if self.eager else cache(columns)

    def statistics(self, rows: Rows) -> int:
        """Place of the rows' statistics: their own if there is one for each row."""
        return rows.first if self.plan.own_statistics else 0

    def leave(self, name: str, codes: Buffer, *, unsigned: bool = False) -> None:
        """Note where an operator leaves its codes, and whether they are unsigned."""
        self.codes, self.unsigned, self._left_by = codes, unsigned, name

    def norm_codes(self, name: str) -> Buffer:
        """Return the place of codes that are a norm's.

        Raises
        ------
        ValueError
            If those that the operator of this name would take stand elsewhere, where its own results go.
        """
        if self.codes is not self.plan.codes:
            raise ValueError(f"there is no lowering for {name} behind {self._left_by}")
        return self.codes

    def normalise_later(self, rows: Rows, number: int) -> None:
        """Note that codes of some rows are made by waiting sweeps, the last of which has a number."""
        self._norms.append((rows, number))

    def waiting(self, rows: Rows) -> list[Rows]:
        """Blocks of codes with some of these rows whose norm is waiting."""
        self._norms = [(block, number) for block, number in self._norms if self.schedule.is_waiting(number)]
        return [block for block, _ in self._norms if block.first < rows.stop and rows.first < block.stop]

    def wait_for_codes(self, rows: Rows) -> None:
        """These rows of the codes are needed."""
        for block, number in self._norms:
            if block.first < rows.stop and rows.first < block.stop:
                self.schedule.flush(number)

    def consume(
        self,
        label: str,
        matrix: Matrix,
        drain: Callable[[Panel, Rows], Drain],
        rows: Rows,
        table: Binding | None = None,
    ) -> None:
        """Multiply a norm's codes by streamed weights; rows that are ready go first while others' norm is waiting."""
        codes = self.norm_codes(label)
        waiting = self.waiting(rows)
        if waiting and waiting[0].first <= rows.first:
            self.wait_for_codes(waiting.pop(0))
        ready = Rows(rows.first, waiting[0].first - rows.first if waiting else rows.count)
        others = Rows(ready.stop, rows.count - ready.count)
        for panel in matrix.panels:
            params = columns(panel)

            def multiply(part: Rows, first: int, stop: int, panel: Panel = panel, params: Binding = params) -> None:
                gemm = streamed(matrix, panel, part, codes.row(part.first), codes.stride)
                made = drain(panel, part)
                self.multiply(label, matrix, panel, gemm, made, params=params, table=table, first=first, stop=stop)

            column = 0
            while self.waiting(others) and column < panel.columns:
                stop = min(column + matrix.cut, panel.columns)
                multiply(ready, column, stop)
                column = stop
            self.wait_for_codes(rows)
            if column:
                multiply(others, 0, column)
            multiply(rows, column, panel.columns)

    def multiply(
        self,
        label: str,
        matrix: Matrix,
        panel: Panel,
        gemm: Gemm,
        drain: Drain,
        *,
        params: Binding,
        table: Binding | None = None,
        first: int = 0,
        stop: int | None = None,
    ) -> None:
        """Emit a product with streamed weights, or some of its columns."""
        product = Product(
            label=label,
            gemm=gemm,
            drain=drain,
            params=params,
            table=table,
            weights_addr=panel.weights_addr,
            cut=matrix.cut,
        )
        self.schedule.multiply(product, first=first, stop=stop)


def streamed(matrix: Matrix, panel: Panel, rows: Rows, a_addr: int, a_stride: int, *, unsigned: bool = False) -> Gemm:
    """Return a GEMM with weights from the stream."""
    return Gemm(
        m=rows.count,
        n=panel.columns,
        k_tiles=matrix.k_tiles,
        a_addr=a_addr,
        a_stride=a_stride,
        a_unsigned=int(unsigned),
        clear=1,
        release=1,
    )


def columns(panel: Panel, target: LoadTarget = LoadTarget.PARAM) -> Binding:
    """Return the place of a panel's parameters, loaded anew."""
    return Binding(Resident(target, panel.params_addr, panel.param_words))
