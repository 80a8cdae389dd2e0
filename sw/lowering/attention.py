"""Attention of all heads: scores, softmax and contexts of one overlap the matrices of the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spec.codes import CODE, INT16
from spec.isa import Destination, Drain, Gemm, LoadTarget, ParamMode, SecondStage, Stats, Sweep, SweepKind
from spec.param_record import pack_records
from sw.lowering.blocks import Buffer, Rows
from sw.lowering.constants import Constants, Matrix, Panel, Pieces
from sw.lowering.schedule import Product
from sw.lowering.steps import Binding, Resident
from sw.lowering.weights import whole_words
from sw.lowering.workbench import Workbench, columns
from sw.network.attention import Attention
from sw.network.linear import Linear

__all__ = ["AttentionConstants", "lower_attention", "place_attention"]


@dataclass(frozen=True, kw_only=True)
class ValuePanel:
    """Rows of a head's value matrix; they are the streaming operand, and the tokens the stationary one."""

    first: int
    rows: int
    weights_addr: int
    params_addr: int


@dataclass(frozen=True, kw_only=True)
class HeadConstants:
    """One attention head."""

    query: Matrix
    key: Matrix
    value: tuple[ValuePanel, ...]
    score_params_addr: int
    context: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class AttentionConstants:
    """All heads, and the address of the table that they share."""

    heads: tuple[HeadConstants, ...]
    softmax_table_addr: int


def place_attention(constants: Constants, attention: Attention, _pieces: Pieces) -> tuple[AttentionConstants, Pieces]:
    """Put the matrices, parameters and the table of an attention into memory; each head has words of its own."""
    made = AttentionConstants(
        heads=tuple(_place_head(constants, attention, head) for head in range(attention.heads)),
        softmax_table_addr=constants.load(attention.softmax_table),
    )
    return made, (attention.value.bias.size // attention.heads,) * attention.heads


def lower_attention(bench: Workbench, attention: Attention, constants: AttentionConstants) -> None:
    """Make the contexts of all heads."""
    _Writer(bench, attention, constants).write()
    bench.leave(attention.name, bench.plan.context)


class _Writer:
    """Writes one attention."""

    def __init__(self, bench: Workbench, attention: Attention, constants: AttentionConstants) -> None:
        self._bench, self._plan, self._attention, self._constants = bench, bench.plan, attention, constants
        self._codes = bench.norm_codes(attention.name)
        self._kept = bench.kept[attention.name]
        self._width = attention.query.bias.size // attention.heads
        self._together = self._heads_together()

    def write(self) -> None:
        heads, ahead = self._attention.heads, len(self._plan.query) > 1
        # Value weights may stand where the feed-forward network before has its middle.
        start = 0 if self._plan.value_weights_apart else self._bench.middle_free
        steps = [partial(self._values, range(self._together), start)]
        needed = []
        for head in range(heads):
            steps += [partial(self._queries, head), partial(self._keys, head)]
            # The last head has nothing but its own values left to overlap with its softmax.
            last = ahead and head == heads - 1
            needed.append(len(steps) + (head >= self._together and not last))
            if head >= self._together:
                steps.append(partial(self._values, range(head, head + 1), start))
        needed.append(len(steps))
        softmax_table = Resident(LoadTarget.TABLE, self._constants.softmax_table_addr, 1)
        blocks = list(self._plan.blocks(self._kept, self._plan.query_block))
        done = 0
        for head in range(heads):
            done = _run(steps, done, needed[head])
            goal = needed[head + 1] if ahead else done
            for number, rows in enumerate(blocks):
                self._scores(head, rows)
                self._softmax(head, rows, softmax_table)
                done = _run(steps, done, done + -(-(goal - done) // (len(blocks) - number)))
                self._bench.schedule.flush()
                self._context(head, rows)

    def _label(self, head: int, part: str) -> str:
        return f"{self._attention.name}.{head}.{part}"

    def _heads_together(self) -> int:
        """Heads whose values are computed together at the beginning."""
        several = len(self._plan.value) > 1 and not self._bench.eager
        return min(len(self._plan.value), self._attention.heads) if several and self._bench.whole_values else 1

    def _queries(self, head: int) -> None:
        dest = self._plan.query[head % len(self._plan.query)]
        matrix = self._constants.heads[head].query
        self._project(self._label(head, "query"), matrix, self._attention.query, dest, self._kept)

    def _keys(self, head: int) -> None:
        dest = self._plan.key[head % len(self._plan.key)]
        matrix = self._constants.heads[head].key
        self._project(self._label(head, "key"), matrix, self._attention.key, dest, self._plan.length)

    def _project(self, label: str, matrix: Matrix, linear: Linear, dest: Buffer, stop: int) -> None:
        """int8 rows 0 to ``stop - 1`` of a linear layer of the codes."""

        def drain(panel: Panel, rows: Rows) -> Drain:
            return Drain(
                m=rows.count,
                n=panel.columns,
                dest=Destination.SCRATCHPAD,
                dest_addr=dest.row(rows.first) + self._bench.words(panel.first),
                dest_stride=dest.stride,
                pre_shift=linear.pre_shift,
                shift=linear.shift,
                clip_low=-CODE,
                clip_high=CODE,
            )

        for rows in self._plan.blocks(stop, self._bench.config.acc_depth):
            self._bench.consume(label, matrix, drain, rows)

    def _values(self, heads: range, start: int) -> None:
        """Transposed values [width, length] of some heads, token block by token block while a norm is waiting."""
        length = self._plan.length
        products = [product for head in heads for product in self._value_products(head, start)]
        # Heads whose values take several panels are not computed together: their weights would not fit the ring.
        for group in [products] if len(heads) > 1 else [[product] for product in products]:
            token = 0
            while token < length:
                waiting = self._bench.waiting(Rows(0, length))
                stop = min(token + self._plan.token_block, length) if waiting else length
                self._bench.wait_for_codes(Rows(token, stop - token))
                for product in group:
                    self._bench.schedule.multiply(product, first=token, stop=stop)
                token = stop

    def _value_products(self, head: int, start: int) -> list[Product]:
        """A head's values in panels: weights stream and the tokens are stationary."""
        linear, plan = self._attention.value, self._plan
        constants = self._constants.heads[head]
        dest = plan.value[head % len(plan.value)]
        k_tiles = constants.query.k_tiles
        return [
            Product(
                label=self._label(head, "value"),
                gemm=Gemm(
                    m=panel.rows,
                    n=plan.length,
                    k_tiles=k_tiles,
                    a_stride=k_tiles,
                    b_scratchpad=1,
                    b_addr=self._codes.addr,
                    b_stride=self._codes.stride,
                    clear=1,
                    release=1,
                ),
                drain=Drain(
                    m=panel.rows,
                    n=plan.length,
                    dest=Destination.SCRATCHPAD,
                    dest_addr=dest.row(panel.first),
                    dest_stride=dest.stride,
                    param_mode=ParamMode.ROW,
                    pre_shift=linear.pre_shift,
                    shift=linear.shift,
                    clip_low=-CODE,
                    clip_high=CODE,
                ),
                a=Binding(Resident(LoadTarget.SCRATCHPAD, panel.weights_addr, panel.rows * k_tiles, not_before=start)),
                params=Binding(Resident(LoadTarget.PARAM_BROADCAST, panel.params_addr, panel.rows)),
                cut=self._bench.whole_cut,
            )
            for panel in constants.value
        ]

    def _scores(self, head: int, rows: Rows) -> None:
        """int16 scores of some queries with all keys, and each row's maximum."""
        attention, plan = self._attention, self._plan
        query, key = plan.query[head % len(plan.query)], plan.key[head % len(plan.key)]
        params = Resident(LoadTarget.PARAM_BROADCAST, self._constants.heads[head].score_params_addr, 1)
        self._bench.schedule.multiply(
            Product(
                label=self._label(head, "scores"),
                gemm=Gemm(
                    m=rows.count,
                    n=plan.length,
                    k_tiles=self._bench.words(self._width),
                    a_addr=query.row(rows.first),
                    a_stride=query.stride,
                    b_scratchpad=1,
                    b_addr=key.addr,
                    b_stride=key.stride,
                    clear=1,
                    release=1,
                ),
                drain=Drain(
                    m=rows.count,
                    n=plan.length,
                    dest=Destination.VECTOR,
                    dest_addr=plan.scores.addr,
                    dest_stride=plan.scores.stride,
                    param_mode=ParamMode.FIXED,
                    pre_shift=int(attention.score_pre_shift[head]),
                    shift=int(attention.score_shift[head]),
                    clip_low=-INT16 - 1,
                    clip_high=INT16,
                    stats=Stats.MAX,
                    stats_first=1,
                ),
                params=Binding(params),
                cut=self._bench.config.cols,
            )
        )

    def _softmax(self, head: int, rows: Rows, table: Resident) -> None:
        plan = self._plan
        self._bench.schedule.defer(
            self._label(head, "softmax"),
            Sweep(
                kind=SweepKind.SOFTMAX,
                m=rows.count,
                n=plan.length,
                src_addr=plan.scores.addr,
                src_stride=plan.scores.stride,
                dest_addr=plan.probabilities.addr,
                dest_stride=plan.probabilities.stride,
            ),
            table=Binding(table),
        )

    def _context(self, head: int, rows: Rows) -> None:
        """Numerators times values; each row's reciprocal sum comes with the drain."""
        bench, plan = self._bench, self._plan
        value = plan.value[head % len(plan.value)]
        column = head * bench.words(self._width)
        for panel in self._constants.heads[head].context:
            bench.schedule.multiply(
                Product(
                    label=self._label(head, "context"),
                    gemm=Gemm(
                        m=rows.count,
                        n=panel.columns,
                        k_tiles=bench.words(plan.length),
                        a_addr=plan.probabilities.addr,
                        a_stride=plan.probabilities.stride,
                        a_unsigned=1,
                        b_scratchpad=1,
                        b_addr=value.row(panel.first),
                        b_stride=value.stride,
                        clear=1,
                        release=1,
                    ),
                    drain=Drain(
                        m=rows.count,
                        n=panel.columns,
                        dest=Destination.SCRATCHPAD,
                        dest_addr=plan.context.row(rows.first) + column + bench.words(panel.first),
                        dest_stride=plan.context.stride,
                        row_scale=1,
                        second=SecondStage.SCALE,
                        second_shift=self._attention.context_shift,
                        clip_low=-CODE,
                        clip_high=CODE,
                    ),
                    params=columns(panel),
                    cut=bench.whole_cut,
                )
            )


def _place_head(constants: Constants, attention: Attention, head: int) -> HeadConstants:
    width, rows = attention.query.bias.size // attention.heads, constants.config.rows
    own = slice(head * width, (head + 1) * width)
    # Bytes that pad the last word of a key must be zero, for those of the query then do not matter.
    padded = constants.words(width) * rows
    value = attention.value
    return HeadConstants(
        query=constants.matrix(_pick(attention.query, own)),
        key=constants.matrix(_pick(attention.key, own, padded)),
        value=tuple(
            ValuePanel(
                first=first,
                rows=count,
                weights_addr=constants.load(whole_words(value.weight[own][first : first + count], rows)),
                params_addr=constants.load(
                    pack_records(bias=value.bias[own][first : first + count], mul=value.mul[own][first : first + count])
                ),
            )
            for first, count in constants.split(width, 1, per_word=1, most=constants.config.acc_depth)
        ),
        score_params_addr=constants.load(pack_records(mul=attention.score_mul[head])),
        context=constants.panels(rows, mul2=attention.context_mul[own]),
    )


def _pick(linear: Linear, own: slice, padded: int = 0) -> Linear:
    """Some columns of a matrix, behind them columns that give zero up to ``padded``."""
    weight = linear.weight[own]
    more = max(padded - len(weight), 0)
    return replace(
        linear,
        weight=np.pad(weight, ((0, more), (0, 0))),
        bias=np.pad(linear.bias[own], (0, more)),
        mul=np.pad(linear.mul[own], (0, more)),
    )


def _run(steps: Sequence[Callable[[], None]], done: int, goal: int) -> int:
    """Take steps until ``goal`` of them are done."""
    for step in steps[done:goal]:
        step()
    return max(done, goal)
