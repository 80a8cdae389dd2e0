"""The phases of a BERT program, in program order."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from math import gcd, lcm

from spec.isa import Destination, Drain, Gemm, Load, LoadTarget, ParamMode, SecondStage, Stats, Sweep, SweepKind
from spec.program import Program, Region
from sw.lowering.bert_constants import LOGIT_BYTES, BertConstants, Matrix, NormConstants, Panel
from sw.lowering.bert_plan import BertPlan, Buffer, Rows
from sw.lowering.builder import Binding, Builder, Resident
from sw.lowering.schedule import Product, Schedule
from sw.network.checkpoint import Checkpoint, Linear, Norm

__all__ = ["BertWriter"]

CODE = 127
"""int8 codes of signed operands are symmetric: -128 is not used."""

INT16 = 32767

INDEX = 2047
"""Greatest index of a table."""

SPLIT_TILES = 2
"""Column tiles in front of a LayerNorm whose weights are read twice, so that it can begin while they are multiplied."""

EMBEDDING_BLOCKS = 4
"""Parts of the input, so that loading one overlaps the LayerNorm of another."""


Bind = Callable[..., Binding]
"""Parameters of a panel."""


class BertWriter:
    """Emits one program.

    Phases follow each other without a gap in the array where that is possible, but nearly all weights are read once:
    the sweeps of a softmax stand among the products of the next head; those of a layer's first LayerNorm among the
    value matrices of the first heads, which take tokens a few at a time from weights on the chip; those of its second
    among the last columns in front of it and the first behind it, which are multiplied in two blocks of rows.

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
        self._eager = eager
        self._together = self._heads_together()
        self._cut = lcm(config.rows, config.cols)
        self._norms: list[tuple[Rows, int]] = []
        """Rows of the latest LayerNorms and the numbers of their last sweeps, which may be waiting."""
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
        norms = self._constants.layers[0].input_norm, self._checkpoint.layers[0].input_norm, self._bind()
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
                self._moments_later(rows)
                self._layernorm_later(*norms, rows)

    def _moments_later(self, rows: Rows) -> None:
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

    # Attention.

    def _heads_together(self) -> int:
        """Heads whose values are computed together at the beginning of a layer."""
        several = len(self._plan.value) > 1 and not self._eager
        whole = all(len(head.value) == 1 for layer in self._constants.layers for head in layer.heads)
        return min(len(self._plan.value), self._constants.heads) if several and whole else 1

    def _attention(self, index: int) -> None:
        """Contexts of all heads; the softmax of one overlaps the matrices of the next."""
        heads, ahead = self._constants.heads, len(self._plan.query) > 1
        # The next layer's value weights may stand where this layer's feed-forward network has its middle.
        start = self._builder.position if index and not self._plan.value_weights_apart else 0
        steps = [partial(self._values, index, range(self._together), start)]
        needed = []
        for head in range(heads):
            steps += [partial(self._queries, index, head), partial(self._keys, index, head)]
            # The last head has nothing but its own values left to overlap with its softmax.
            last = ahead and head == heads - 1
            needed.append(len(steps) + (head >= self._together and not last))
            if head >= self._together:
                steps.append(partial(self._values, index, range(head, head + 1), start))
        needed.append(len(steps))
        softmax_table = Resident(LoadTarget.TABLE, self._constants.layers[index].softmax_table_addr, 1)
        blocks = list(self._plan.blocks(self._kept(index), self._plan.query_block))
        done = 0
        for head in range(heads):
            done = _run(steps, done, needed[head])
            goal = needed[head + 1] if ahead else done
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

    def _values(self, index: int, heads: range, start: int) -> None:
        """Transposed values [width, length] of some heads, token block by token block while a LayerNorm is waiting."""
        length = self._plan.length
        products = [product for head in heads for product in self._value_products(index, head, start)]
        # Heads whose values take several panels are not computed together: their weights would not fit the ring.
        for group in [products] if len(heads) > 1 else [[product] for product in products]:
            token = 0
            while token < length:
                stop = min(token + self._plan.token_block, length) if self._waiting(Rows(0, length)) else length
                self._wait_for_codes(Rows(token, stop - token))
                for product in group:
                    self._schedule.multiply(product, first=token, stop=stop)
                token = stop

    def _value_products(self, index: int, head: int, start: int) -> list[Product]:
        """A head's values in panels: weights stream and the tokens are stationary."""
        linear, plan = self._checkpoint.layers[index].value, self._plan
        constants = self._constants.layers[index].heads[head]
        dest = plan.value[head % len(plan.value)]
        k_tiles = constants.query.k_tiles
        return [
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
                a=Binding(Resident(LoadTarget.SCRATCHPAD, panel.weights_addr, panel.rows * k_tiles, not_before=start)),
                params=Binding(Resident(LoadTarget.PARAM_BROADCAST, panel.params_addr, panel.rows)),
                cut=self._cut,
            )
            for panel in constants.value
        ]

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
        bind = self._bind()
        norms = constants.mid_norm, layer.mid_norm, bind
        for rows in plan.blocks(self._kept(index), self._config.acc_depth):
            blocks = plan.split(rows)
            split = self._last_tiles(constants.output) if len(blocks) > 1 else self._constants.hidden
            multiply = partial(self._residual, constants.output, layer.output, bind, plan.context, unsigned=False)
            multiply(rows, stop=split)
            for block in blocks:
                multiply(block, first=split)
                self._layernorm_later(*norms, block)

    def _last_tiles(self, matrix: Matrix) -> int:
        """First of the columns that are multiplied in blocks of rows; their weights begin at a whole bus word."""
        last, bus_bytes = matrix.panels[-1], self._config.bus_bytes
        column = max(-(-last.columns // matrix.cut) - SPLIT_TILES, 0) * matrix.cut
        aligned = matrix.cut * bus_bytes // gcd(matrix.cut * matrix.k_tiles * self._config.rows, bus_bytes)
        return last.first + column - column % aligned

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

        for block in plan.blocks(self._kept(index), plan.ffn_block):
            self._consume(constants.ffn1, middle, block, table=gelu_table)
            if constants.ffn1_slots:
                self._consume(constants.ffn1_slots, middle_slots, block)
            middle_rows = Buffer(plan.middle.row(-block.first), plan.middle.stride)
            bind = self._bind()
            self._residual(constants.ffn2, layer.ffn2, bind, middle_rows, block, unsigned=True)
            for rows in plan.norm_blocks(block):
                self._layernorm_later(*norms, bind, rows)

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
        waiting = self._waiting(rows)
        if waiting and waiting[0].first <= rows.first:
            self._wait_for_codes(waiting.pop(0))
        ready = Rows(rows.first, waiting[0].first - rows.first if waiting else rows.count)
        others = Rows(ready.stop, rows.count - ready.count)
        for panel in matrix.panels:
            params = _columns(panel)

            def multiply(part: Rows, first: int, stop: int, panel: Panel = panel, params: Binding = params) -> None:
                gemm = _streamed(matrix, panel, part, codes.row(part.first), codes.stride)
                self._multiply_panel(
                    matrix, panel, gemm, drain(panel, part), params=params, table=table, first=first, stop=stop
                )

            column = 0
            while self._waiting(others) and column < panel.columns:
                stop = min(column + matrix.cut, panel.columns)
                multiply(ready, column, stop)
                column = stop
            self._wait_for_codes(rows)
            if column:
                multiply(others, 0, column)
            multiply(rows, column, panel.columns)

    def _waiting(self, rows: Rows) -> list[Rows]:
        """Blocks of codes with some of these rows whose LayerNorm is waiting."""
        self._norms = [(block, number) for block, number in self._norms if self._schedule.is_waiting(number)]
        return [block for block, _ in self._norms if block.first < rows.stop and rows.first < block.stop]

    def _wait_for_codes(self, rows: Rows) -> None:
        """These rows of the codes are needed."""
        for block, number in self._norms:
            if block.first < rows.stop and rows.first < block.stop:
                self._schedule.flush(number)

    def _residual(
        self,
        matrix: Matrix,
        linear: Linear,
        bind: Bind,
        a: Buffer,
        rows: Rows,
        *,
        unsigned: bool,
        first: int = 0,
        stop: int | None = None,
    ) -> None:
        """Multiply by streamed weights, add to the int16 rows in place, gather their moments.

        With ``first`` and ``stop``, for these columns alone; each row's first and last ones begin and end its moments.
        """
        target = self._plan.rows
        addr = target.row(rows.first)
        stop = self._constants.hidden if stop is None else stop
        if not self._plan.own_statistics:
            self._schedule.flush()
        for panel in matrix.panels:
            word = addr + panel.first // self._config.lanes
            gemm = _streamed(matrix, panel, rows, a.row(rows.first), a.stride, unsigned=unsigned)
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
            self._multiply_panel(
                matrix,
                panel,
                gemm,
                drain,
                params=bind(panel),
                first=max(first - panel.first, 0),
                stop=min(stop - panel.first, panel.columns),
            )

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

    def _layernorm_later(self, constants: NormConstants, norm: Norm, bind: Bind, rows: Rows) -> None:
        """Leave the LayerNorm of some rows for the time of the next products."""
        plan, hidden = self._plan, self._constants.hidden
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
            number = self._schedule.defer(sweep, param_addr=bind(panel))
        for panel in constants.slots:
            params = bind(panel, LoadTarget.PARAM_BROADCAST).resident
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
                number = self._schedule.defer(sweep, param_addr=Binding(params, offset))
        self._norms.append((rows, number))

    def _bind(self) -> Bind:
        """Parameters that are loaded once for several blocks of rows, if there is room for so much at a time."""
        return _columns if self._eager else cache(_columns)

    def _stats(self, rows: Rows) -> int:
        """Place of the rows' statistics: their own if there is one for each row."""
        return rows.first if self._plan.own_statistics else 0


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


def _columns(panel: Panel, target: LoadTarget = LoadTarget.PARAM) -> Binding:
    return Binding(Resident(target, panel.params_addr, panel.param_words))


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
