"""The phases of a BERT program, in program order."""

from collections.abc import Callable, Sequence
from functools import partial
from math import gcd, lcm

from hw.isa import Destination, Drain, Gemm, Load, LoadTarget, ParamMode, SecondStage, Stats, Sweep, SweepKind
from hw.program import Program, Region
from sw.checkpoint import Checkpoint, Linear, Norm
from sw.lowering.bert_constants import LOGIT_BYTES, BertConstants, Matrix, NormConstants, Panel
from sw.lowering.bert_plan import BertPlan, Rows
from sw.lowering.builder import Binding, Builder, Resident
from sw.lowering.schedule import Product, Schedule

__all__ = ["BertWriter"]

CODE = 127
"""int8 codes of signed operands are symmetric: -128 is not used."""

INT16 = 32767

INDEX = 2047
"""Greatest index of a table."""

EMBEDDING_BLOCKS = 4
"""Parts of the input, so that loading one overlaps the LayerNorm of another."""


class BertWriter:
    """Emits one program.

    Phases follow each other without a gap in the array where that is possible: the sweeps of a softmax stand among the
    products of the next head, those of a LayerNorm among the products of the rows before or behind.

    Parameters
    ----------
    checkpoint : Checkpoint
    constants : BertConstants
    plan : BertPlan
    eager : bool
        Sweeps at once, for small parameter memories.
    """

    def __init__(
        self, checkpoint: Checkpoint, constants: BertConstants, plan: BertPlan, *, eager: bool = False
    ) -> None:
        self._checkpoint, self._constants, self._plan = checkpoint, constants, plan
        self._config = config = constants.config
        self._builder = Builder(config, weights_base=constants.weights_base, ring_words=plan.value_weights)
        self._schedule = Schedule(self._builder, eager=eager)
        self._cut = lcm(config.rows, config.cols)
        self._ready = 0
        """Rows of ``plan.codes`` that the next matrix may read; the LayerNorm of the others is still waiting."""
        labels = len(checkpoint.labels)
        self._logits = Region(addr=constants.data.size, dtype="int32", shape=(labels + -labels % config.lanes,))
        end = self._logits.addr + self._logits.nbytes
        self._rows = Region(
            addr=end + -end % config.bus_bytes, dtype="int16", shape=(plan.length, plan.rows.stride * config.lanes)
        )

    def write(self) -> Program:
        """Emit all phases and return the program."""
        self._embedding()
        for index in range(len(self._checkpoint.layers)):
            self._attention(index)
            self._output(index)
            self._feed_forward(index)
        self._classifier()
        return self._builder.finish(
            constants=self._constants.data,
            inputs={"rows": self._rows},
            outputs={"logits": self._logits},
            macs=_useful_macs(self._checkpoint, self._plan.length),
            metadata={
                "kind": "bert",
                "length": str(self._plan.length),
                "array_cycles": str(self._schedule.array_cycles),
            },
        )

    def _kept(self, index: int) -> int:
        """Rows that a layer passes on: of the last one, only [CLS] is classified."""
        return 1 if index == len(self._checkpoint.layers) - 1 else self._plan.length

    # Embedding sums in, first LayerNorm.

    def _embedding(self) -> None:
        plan, config = self._plan, self._config
        row_bytes = plan.rows.stride * config.lanes * 2
        aligned = config.bus_bytes // gcd(row_bytes, config.bus_bytes)
        wanted = min(-(-plan.length // EMBEDDING_BLOCKS), config.acc_depth)
        norms = self._constants.layers[0].input_norm, self._checkpoint.layers[0].input_norm
        for block in plan.blocks(plan.length, wanted + -wanted % aligned):
            self._builder.emit(
                Load(
                    target=LoadTarget.VECTOR,
                    addr=plan.rows.row(block.first),
                    count=block.count * plan.rows.stride,
                    mem_addr=self._rows.addr + block.first * row_bytes,
                )
            )
            for part in plan.blocks(block.count, config.acc_depth):
                rows = Rows(block.first + part.first, part.count)
                self._schedule.flush()
                self._moments(rows)
                self._layernorm_later(*norms, rows, stop=plan.length)

    def _moments(self, rows: Rows) -> None:
        hidden, source = self._constants.hidden, self._plan.rows
        self._schedule.defer(
            Sweep(
                kind=SweepKind.MOMENTS,
                m=rows.count,
                n=hidden,
                src_addr=source.row(rows.first),
                src_stride=source.stride,
                stats_addr=self._stats(rows),
                row_length=hidden,
            )
        )
        self._schedule.flush()

    # Attention.

    def _attention(self, index: int) -> None:
        """Contexts of all heads; the softmax of one overlaps the matrices of the next."""
        heads, ahead = self._constants.heads, len(self._plan.query) > 1
        # The next layer's value weights may stand where this layer's feed-forward network has its middle.
        start = self._builder.position if index else 0
        steps = [
            step
            for head in range(heads)
            for step in (
                partial(self._queries, index, head),
                partial(self._keys, index, head),
                partial(self._values, index, head, start),
            )
        ]
        softmax_table = Resident(LoadTarget.TABLE, self._constants.layers[index].softmax_table_addr, 1)
        blocks = list(self._plan.blocks(self._kept(index), self._plan.query_block))
        done = 0
        for head in range(heads):
            # The last head has nothing but its own values left to overlap with its softmax.
            last = len(steps) - 1 if ahead else len(steps)
            done = _run(steps, done, min(3 * head + 3, last))
            goal = done if not ahead else min(3 * head + 6, last) if head < heads - 1 else len(steps)
            for number, rows in enumerate(blocks):
                self._scores(index, head, rows)
                self._softmax(rows, softmax_table)
                done = _run(steps, done, done + -(-(goal - done) // (len(blocks) - number)))
                self._schedule.flush()
                self._context(index, head, rows)

    def _queries(self, index: int, head: int) -> None:
        layer, heads = self._checkpoint.layers[index], self._constants.layers[index].heads
        dest = self._plan.query[head % len(self._plan.query)]
        self._project(heads[head].query, layer.query, dest.addr, dest.stride, self._kept(index))

    def _keys(self, index: int, head: int) -> None:
        layer, heads = self._checkpoint.layers[index], self._constants.layers[index].heads
        dest = self._plan.key[head % len(self._plan.key)]
        self._project(heads[head].key, layer.key, dest.addr, dest.stride, self._plan.length)

    def _project(self, matrix: Matrix, linear: Linear, dest_addr: int, dest_stride: int, stop: int) -> None:
        """int8 rows 0 to ``stop - 1`` of a linear layer of the codes."""

        def drain(panel: Panel, rows: Rows) -> Drain:
            return Drain(
                m=rows.count,
                n=panel.columns,
                dest=Destination.SCRATCHPAD,
                dest_addr=dest_addr + rows.first * dest_stride + self._constants.words(panel.first),
                dest_stride=dest_stride,
                pre_shift=linear.pre_shift,
                shift=linear.shift,
                clip_low=-CODE,
                clip_high=CODE,
            )

        for rows in self._plan.blocks(stop, self._config.acc_depth):
            self._consume(matrix, drain, rows)

    def _values(self, index: int, head: int, start: int) -> None:
        """Transposed values [width, length]: weights stream and the tokens are stationary."""
        linear, plan = self._checkpoint.layers[index].value, self._plan
        constants = self._constants.layers[index].heads[head]
        dest = plan.value[head % len(plan.value)]
        k_tiles = constants.query.k_tiles
        self._wait_for_codes()
        for panel in constants.value:
            weights = Resident(LoadTarget.SCRATCHPAD, panel.weights_addr, panel.rows * k_tiles, not_before=start)
            params = Resident(LoadTarget.PARAM_BROADCAST, panel.params_addr, panel.rows)
            self._schedule.multiply(
                Product(
                    gemm=Gemm(
                        m=panel.rows,
                        n=plan.length,
                        k_tiles=k_tiles,
                        a_stride=k_tiles,
                        b_scratchpad=1,
                        b_addr=plan.codes.addr,
                        b_stride=plan.codes.stride,
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
                    a=Binding(weights),
                    params=Binding(params),
                    cut=self._cut,
                )
            )

    def _scores(self, index: int, head: int, rows: Rows) -> None:
        """int16 scores of some queries with all keys, and each row's maximum."""
        layer, plan = self._checkpoint.layers[index], self._plan
        query, key = plan.query[head % len(plan.query)], plan.key[head % len(plan.key)]
        params = Resident(LoadTarget.PARAM_BROADCAST, self._constants.layers[index].heads[head].score_params_addr, 1)
        self._schedule.multiply(
            Product(
                gemm=Gemm(
                    m=rows.count,
                    n=plan.length,
                    k_tiles=query.stride,
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
                    pre_shift=int(layer.score_pre_shift[head]),
                    shift=int(layer.score_shift[head]),
                    clip_low=-INT16 - 1,
                    clip_high=INT16,
                    stats=Stats.MAX,
                    stats_first=1,
                ),
                params=Binding(params),
                cut=self._config.cols,
            )
        )

    def _softmax(self, rows: Rows, table: Resident) -> None:
        plan = self._plan
        self._schedule.defer(
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

    def _context(self, index: int, head: int, rows: Rows) -> None:
        """Numerators times values; each row's reciprocal sum comes with the drain."""
        layer, plan = self._checkpoint.layers[index], self._plan
        value = plan.value[head % len(plan.value)]
        column = head * self._constants.words(self._constants.width)
        for panel in self._constants.layers[index].heads[head].context:
            self._schedule.multiply(
                Product(
                    gemm=Gemm(
                        m=rows.count,
                        n=panel.columns,
                        k_tiles=value.stride,
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
                        dest_addr=plan.context.row(rows.first) + column + self._constants.words(panel.first),
                        dest_stride=plan.context.stride,
                        row_scale=1,
                        second=SecondStage.SCALE,
                        second_shift=layer.context_shift,
                        clip_low=-CODE,
                        clip_high=CODE,
                    ),
                    params=_columns(panel),
                    cut=self._cut,
                )
            )

    def _output(self, index: int) -> None:
        """Output projection into the residual rows, then the middle LayerNorm."""
        layer, constants, plan = self._checkpoint.layers[index], self._constants.layers[index], self._plan
        kept = self._kept(index)
        for rows in plan.norm_blocks(kept):
            a_addr = plan.context.row(rows.first)
            self._residual(constants.output, layer.output, rows, a_addr, plan.context.stride, unsigned=False)
            self._layernorm_later(constants.mid_norm, layer.mid_norm, rows, stop=kept)

    # Feed-forward network.

    def _feed_forward(self, index: int) -> None:
        """Both matrices, then the LayerNorm of whatever comes next."""
        layer, constants, plan = self._checkpoint.layers[index], self._constants.layers[index], self._plan
        following = index + 1
        if following < len(self._checkpoint.layers):
            norms = self._constants.layers[following].input_norm, self._checkpoint.layers[following].input_norm
        else:
            norms = self._constants.pooler_norm, self._checkpoint.pooler_norm
        gelu_table = Binding(Resident(LoadTarget.TABLE, constants.gelu_table_addr, 1))
        slots_column = self._constants.words(len(layer.ffn1.bias))

        def middle(panel: Panel, rows: Rows) -> Drain:
            return Drain(
                m=rows.count,
                n=panel.columns,
                dest=Destination.SCRATCHPAD,
                dest_addr=plan.middle.row(rows.first - block.first) + self._constants.words(panel.first),
                dest_stride=plan.middle.stride,
                pre_shift=layer.ffn1.pre_shift,
                shift=layer.ffn1.shift,
                clip_high=INDEX,
                table_enable=1,
            )

        def middle_slots(panel: Panel, rows: Rows) -> Drain:
            slots, column = layer.ffn1_slots, slots_column + self._constants.words(panel.first)
            return Drain(
                m=rows.count,
                n=panel.columns,
                dest=Destination.SCRATCHPAD,
                dest_addr=plan.middle.row(rows.first - block.first) + column,
                dest_stride=plan.middle.stride,
                pre_shift=slots.pre_shift,
                shift=slots.shift,
                clip_high=slots.high,
            )

        kept = self._kept(index)
        blocks = list(plan.blocks(kept, plan.ffn_block))
        for block in blocks:
            self._consume(constants.ffn1, middle, block, table=gelu_table)
            if constants.ffn1_slots:
                self._consume(constants.ffn1_slots, middle_slots, block)
            for rows in plan.norm_blocks(kept) if len(blocks) == 1 else [block]:
                a_addr = plan.middle.row(rows.first - block.first)
                self._residual(constants.ffn2, layer.ffn2, rows, a_addr, plan.middle.stride, unsigned=True)
                self._layernorm_later(*norms, rows, stop=kept)

    # Classification of row 0.

    def _classifier(self) -> None:
        plan, pooler = self._plan, self._checkpoint.pooler
        row = Rows(0, 1)
        tanh_table = Binding(Resident(LoadTarget.TABLE, self._constants.tanh_table_addr, 1))

        def pooled(panel: Panel, rows: Rows) -> Drain:
            return Drain(
                m=rows.count,
                n=panel.columns,
                dest=Destination.SCRATCHPAD,
                dest_addr=plan.context.addr + self._constants.words(panel.first),
                pre_shift=pooler.pre_shift,
                shift=pooler.shift,
                clip_high=INDEX,
                table_enable=1,
            )

        self._consume(self._constants.pooler, pooled, row, table=tanh_table)
        matrix = self._constants.classifier
        for panel in matrix.panels:
            gemm = _streamed(matrix, panel, row, plan.context.addr, plan.context.stride)
            drain = Drain(
                m=row.count,
                n=panel.columns,
                dest=Destination.MEMORY,
                dest_addr=self._logits.addr + panel.first * LOGIT_BYTES,
            )
            self._multiply_panel(matrix, panel, gemm, drain, params=_columns(panel))

    # What the phases share.

    def _consume(
        self,
        matrix: Matrix,
        drain: Callable[[Panel, Rows], Drain],
        rows: Rows,
        table: Binding | None = None,
    ) -> None:
        """Multiply codes by streamed weights; rows that are ready go first while the others' LayerNorm is waiting."""
        codes = self._plan.codes
        ready = Rows(rows.first, max(min(self._ready, rows.stop) - rows.first, 0))
        others = Rows(ready.stop, rows.count - ready.count)
        for panel in matrix.panels:
            params = _columns(panel)

            def multiply(part: Rows, first: int, stop: int, panel: Panel = panel, params: Binding = params) -> None:
                gemm = _streamed(matrix, panel, part, codes.row(part.first), codes.stride)
                self._multiply_panel(
                    matrix, panel, gemm, drain(panel, part), params=params, table=table, first=first, stop=stop
                )

            column = 0
            while ready.count and others.count and not self._schedule.idle and column < panel.columns:
                stop = min(column + matrix.cut, panel.columns)
                multiply(ready, column, stop)
                column = stop
            if others.count:
                self._wait_for_codes()
            if column:
                multiply(others, 0, column)
            multiply(rows, column, panel.columns)

    def _wait_for_codes(self) -> None:
        """All rows of the codes are needed."""
        if self._ready < self._plan.length:
            self._schedule.flush()
            self._ready = self._plan.length

    def _residual(
        self, matrix: Matrix, linear: Linear, rows: Rows, a_addr: int, a_stride: int, *, unsigned: bool
    ) -> None:
        """Multiply by streamed weights, add to the int16 rows in place, gather their moments."""
        target = self._plan.rows
        addr = target.row(rows.first)
        if self._plan.length > self._config.acc_depth:
            self._schedule.flush()
        for panel in matrix.panels:
            word = addr + panel.first // self._config.lanes
            gemm = _streamed(matrix, panel, rows, a_addr, a_stride, unsigned=unsigned)
            drain = Drain(
                m=rows.count,
                n=panel.columns,
                dest=Destination.VECTOR,
                dest_addr=word,
                dest_stride=target.stride,
                pre_shift=linear.pre_shift,
                shift=linear.shift,
                second=SecondStage.RESIDUAL,
                second_shift=linear.residual_shift,
                res_addr=word,
                res_stride=target.stride,
                clip_low=-INT16 - 1,
                clip_high=INT16,
                stats=Stats.MOMENTS,
                stats_first=panel is matrix.panels[0],
                stats_last=panel is matrix.panels[-1],
                stats_addr=self._stats(rows),
                row_length=self._constants.hidden,
            )
            self._multiply_panel(matrix, panel, gemm, drain, params=_columns(panel))

    def _multiply_panel(
        self,
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
        product = Product(
            gemm=gemm, drain=drain, params=params, table=table, weights_addr=panel.weights_addr, cut=matrix.cut
        )
        self._schedule.multiply(product, first=first, stop=stop)

    def _layernorm_later(self, constants: NormConstants, norm: Norm, rows: Rows, *, stop: int) -> None:
        """Leave the LayerNorm of some rows for the time of the next products; that of earlier rows ends here.

        ``stop`` is the row behind the last that the phase normalises.
        """
        plan, hidden = self._plan, self._constants.hidden
        self._schedule.flush()
        self._ready = rows.first if rows.stop == stop else plan.length
        shared = {
            "m": rows.count,
            "src_stride": plan.rows.stride,
            "dest_stride": plan.codes.stride,
            "second_shift": norm.shift,
            "clip_low": -CODE,
            "clip_high": CODE,
            "stats_addr": self._stats(rows),
        }
        source, dest = plan.rows.row(rows.first), plan.codes.row(rows.first)
        for panel in constants.panels:
            sweep = Sweep(
                kind=SweepKind.LAYERNORM,
                n=panel.columns,
                src_addr=source + panel.first // self._config.lanes,
                dest_addr=dest + self._constants.words(panel.first),
                **shared,
            )
            self._schedule.defer(sweep, param_addr=_columns(panel))
        for panel in constants.slots:
            params = Resident(LoadTarget.PARAM_BROADCAST, panel.params_addr, panel.param_words)
            for offset in range(panel.columns):
                word, lane = divmod(int(norm.slot_channel[panel.first + offset]), self._config.lanes)
                dest_word, dest_byte = divmod(hidden + panel.first + offset, self._config.rows)
                sweep = Sweep(
                    kind=SweepKind.GATHER,
                    n=1,
                    src_addr=source + word,
                    src_lane=lane,
                    dest_addr=dest + dest_word,
                    dest_byte=dest_byte,
                    **shared,
                )
                self._schedule.defer(sweep, param_addr=Binding(params, offset))

    def _stats(self, rows: Rows) -> int:
        """Place of the rows' statistics: their own if there is one for each row."""
        return rows.first if self._plan.length <= self._config.acc_depth else 0


def _run(steps: Sequence[Callable[[], None]], done: int, goal: int) -> int:
    """Take steps until ``goal`` of them are done."""
    for step in steps[done:goal]:
        step()
    return max(done, goal)


def _streamed(matrix: Matrix, panel: Panel, rows: Rows, a_addr: int, a_stride: int, *, unsigned: bool = False) -> Gemm:
    """A GEMM with weights from the stream."""
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


def _columns(panel: Panel) -> Binding:
    return Binding(Resident(LoadTarget.PARAM, panel.params_addr, panel.param_words))


def _useful_macs(checkpoint: Checkpoint, length: int) -> int:
    """Multiply-accumulates of the model: no padding, no slots, no rows that the classifier does not see."""
    hidden = len(checkpoint.pooler.bias)
    total = hidden * hidden + hidden * len(checkpoint.labels)
    for index, layer in enumerate(checkpoint.layers):
        kept = 1 if index == len(checkpoint.layers) - 1 else length
        keys_and_values = 2 * length * hidden * hidden
        queries_and_output = 2 * kept * hidden * hidden
        attention = 2 * kept * length * hidden
        feed_forward = 2 * kept * hidden * len(layer.ffn1.bias)
        total += keys_and_values + queries_and_output + attention + feed_forward
    return total
