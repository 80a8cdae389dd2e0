"""Matrices with streamed weights: into the rows, through a table, or out of the device."""

from dataclasses import dataclass, replace
from functools import partial
from math import gcd, lcm

from spec.codes import CODE, INDEX, INT16, SUM_BYTES
from spec.isa import Destination, Drain, LoadTarget, SecondStage, Stats
from sw.lowering.blocks import Buffer, Rows
from sw.lowering.constants import Constants, Matrix, Panel, Pieces
from sw.lowering.norm import NormConstants, lower_norm
from sw.lowering.steps import Binding, Resident
from sw.lowering.workbench import Bind, Workbench, columns, streamed
from sw.network.linear import Codes, Linear, Residual, Slots, Sums, Table
from sw.network.linear import Rows as ToRows
from sw.network.norm import Norm

__all__ = [
    "LinearConstants",
    "lower_feed_forward",
    "lower_residual",
    "lower_rows",
    "lower_sums",
    "lower_table",
    "place_linear",
]

SPLIT_TILES = 2
"""Column tiles in front of a norm whose weights are read twice, so that it can begin while they are multiplied."""


@dataclass(frozen=True, kw_only=True)
class LinearConstants:
    """Weights and parameters of a matrix; the address of its table and the matrix of its slots, if there are any.

    A matrix whose results are rows stands there a second time, with the parameters of their ``codes``.
    """

    matrix: Matrix
    table_addr: int = 0
    slots: Matrix | None = None
    codes: Matrix | None = None


def place_linear(constants: Constants, linear: Linear, pieces: Pieces) -> tuple[LinearConstants, Pieces]:
    """Put a matrix into memory; slots of a table stand in words behind its channels'."""
    config, channels = constants.config, linear.bias.size
    match linear.then:
        case Residual():
            return LinearConstants(matrix=constants.matrix(linear, pieces, config.lanes)), ()
        case ToRows():
            codes = constants.matrix(_codes_of_rows(linear, linear.then), pieces)
            return LinearConstants(matrix=constants.matrix(linear, pieces, config.lanes), codes=codes), (channels,)
        case Sums():
            sums_per_beat = lcm(config.lanes, config.bus_bytes // SUM_BYTES)
            return LinearConstants(matrix=constants.matrix(linear, pieces, sums_per_beat)), ()
        case Table(table=table, slots=slots):
            table_addr = constants.load(table)
            matrix = constants.matrix(linear, pieces)
            repeated = _slot_rows(linear, slots) if slots and slots.channel.size else None
            made = LinearConstants(
                matrix=matrix,
                table_addr=table_addr,
                slots=constants.matrix(repeated, pieces) if repeated else None,
            )
            return made, (channels, repeated.bias.size) if repeated else (channels,)
    return LinearConstants(matrix=constants.matrix(linear, pieces)), (channels,)


def lower_residual(
    bench: Workbench, linear: Linear, constants: LinearConstants, norm: Norm, norm_constants: NormConstants
) -> None:
    """Add codes times weights to the rows, then leave the norm for later; it overlaps the last columns."""
    plan, bind, matrix, codes = bench.plan, bench.bind(), constants.matrix, bench.codes
    bench.wait_for_codes(Rows(0, bench.kept[linear.name]))
    for rows in plan.blocks(bench.kept[linear.name], bench.config.acc_depth):
        blocks = plan.split(rows)
        split = _last_tiles(bench, matrix) if len(blocks) > 1 else linear.bias.size
        multiply = partial(_residual, bench, linear, matrix, bind, codes, unsigned=bench.unsigned)
        multiply(rows, stop=split)
        for block in blocks:
            multiply(block, first=split)
            lower_norm(bench, norm, norm_constants, bind, block)


def lower_feed_forward(
    bench: Workbench,
    expand: Linear,
    constants: LinearConstants,
    contract: Linear,
    contract_constants: LinearConstants,
    norm: Norm,
    norm_constants: NormConstants,
) -> None:
    """Multiply by both matrices, a block of rows at a time, then leave the norm of what comes next for later."""
    plan, table = bench.plan, _table(constants)
    for block in plan.blocks(bench.kept[contract.name], plan.ffn_block):
        middle = Buffer(plan.middle.row(-block.first), plan.middle.stride)
        _look_up(bench, expand, constants, table, middle, block)
        bind = bench.bind()
        unsigned = isinstance(expand.then, Table) and expand.then.unsigned
        _residual(bench, contract, contract_constants.matrix, bind, middle, block, unsigned=unsigned)
        for rows in plan.norm_blocks(block):
            lower_norm(bench, norm, norm_constants, bind, rows)
    bench.middle_free = bench.builder.position


def lower_table(bench: Workbench, linear: Linear, constants: LinearConstants) -> None:
    """Look up the results of the one row that is left; they stand where contexts stood."""
    dest = Buffer(bench.plan.context.addr, 0)
    slots = constants.slots.panels if constants.slots else ()
    words = bench.words(linear.bias.size) + bench.words(sum(panel.columns for panel in slots))
    if dest.addr + words > bench.config.scratchpad_words:
        raise ValueError(
            f"scratchpad_kib must be larger than {bench.config.scratchpad_kib}: the {linear.bias.size} results of "
            f"{linear.name} do not fit"
        )
    _look_up(bench, linear, constants, _table(constants), dest, Rows(0, bench.kept[linear.name]))
    unsigned = isinstance(linear.then, Table) and linear.then.unsigned
    bench.leave(linear.name, bench.plan.context, unsigned=unsigned)


def lower_rows(bench: Workbench, linear: Linear, constants: LinearConstants, source: Buffer, rows: Rows) -> None:
    """Multiply codes twice: once for the codes that the next matrices take, once for the int16 rows."""
    target, codes = bench.plan.rows, bench.plan.codes
    then, second = linear.then, constants.codes
    assert isinstance(then, ToRows)
    assert second is not None
    for matrix, scaled in ((second, _codes_of_rows(linear, then)), (constants.matrix, linear)):
        for panel in matrix.panels:
            shared = {"m": rows.count, "n": panel.columns, "pre_shift": scaled.pre_shift, "shift": scaled.shift}
            if matrix is second:
                drain = Drain(
                    dest=Destination.SCRATCHPAD,
                    dest_addr=codes.row(rows.first) + bench.words(panel.first),
                    dest_stride=codes.stride,
                    clip_low=-CODE,
                    clip_high=CODE,
                    **shared,
                )
            else:
                drain = Drain(
                    dest=Destination.VECTOR,
                    dest_addr=target.row(rows.first) + panel.first // bench.config.lanes,
                    dest_stride=target.stride,
                    clip_low=-INT16 - 1,
                    clip_high=INT16,
                    **shared,
                )
            gemm = streamed(matrix, panel, rows, source.row(rows.first), source.stride)
            bench.multiply(linear.name, matrix, panel, gemm, drain, params=columns(panel))
    bench.leave(linear.name, codes)


def lower_sums(bench: Workbench, linear: Linear, constants: LinearConstants) -> None:
    """Write the sums of the one row that is left to memory."""
    source, matrix = bench.codes, constants.matrix
    row = Rows(0, bench.kept[linear.name])
    bench.wait_for_codes(row)
    for panel in matrix.panels:
        gemm = streamed(matrix, panel, row, source.addr, source.stride, unsigned=bench.unsigned)
        drain = Drain(
            m=row.count,
            n=panel.columns,
            dest=Destination.MEMORY,
            dest_addr=bench.outputs["logits"].addr + panel.first * SUM_BYTES,
        )
        bench.multiply(linear.name, matrix, panel, gemm, drain, params=columns(panel))


def _table(constants: LinearConstants) -> Binding:
    return Binding(Resident(LoadTarget.TABLE, constants.table_addr, 1))


def _look_up(
    bench: Workbench, linear: Linear, constants: LinearConstants, table: Binding, dest: Buffer, rows: Rows
) -> None:
    """Multiply codes, look up the results, and put them and their slots into ``dest``."""
    then = linear.then
    assert isinstance(then, Table)
    slots_column = bench.words(linear.bias.size)

    def drain(panel: Panel, part: Rows) -> Drain:
        return Drain(
            m=part.count,
            n=panel.columns,
            dest=Destination.SCRATCHPAD,
            dest_addr=dest.row(part.first) + bench.words(panel.first),
            dest_stride=dest.stride,
            pre_shift=linear.pre_shift,
            shift=linear.shift,
            clip_high=INDEX,
            table_enable=1,
        )

    bench.consume(linear.name, constants.matrix, drain, rows, table=table)
    slots = then.slots
    if constants.slots is None or slots is None:
        return

    def drain_slots(panel: Panel, part: Rows) -> Drain:
        return Drain(
            m=part.count,
            n=panel.columns,
            dest=Destination.SCRATCHPAD,
            dest_addr=dest.row(part.first) + slots_column + bench.words(panel.first),
            dest_stride=dest.stride,
            pre_shift=slots.pre_shift,
            shift=slots.shift,
            clip_high=slots.high,
        )

    bench.consume(f"{linear.name}.slots", constants.slots, drain_slots, rows)


def _residual(
    bench: Workbench,
    linear: Linear,
    matrix: Matrix,
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
    then, target, hidden = linear.then, bench.plan.rows, linear.bias.size
    assert isinstance(then, Residual)
    addr = target.row(rows.first)
    stop = hidden if stop is None else stop
    if not bench.plan.own_statistics:
        bench.schedule.flush()
    for panel in matrix.panels:
        word = addr + panel.first // bench.config.lanes
        gemm = streamed(matrix, panel, rows, a.row(rows.first), a.stride, unsigned=unsigned)
        drain = Drain(
            m=rows.count,
            n=panel.columns,
            dest=Destination.VECTOR,
            dest_addr=word,
            dest_stride=target.stride,
            pre_shift=linear.pre_shift,
            shift=linear.shift,
            second=SecondStage.RESIDUAL,
            second_shift=then.shift,
            res_addr=word,
            res_stride=target.stride,
            clip_low=-INT16 - 1,
            clip_high=INT16,
            stats=Stats.MOMENTS,
            stats_first=panel is matrix.panels[0],
            stats_last=panel is matrix.panels[-1],
            stats_addr=bench.statistics(rows),
            row_length=hidden,
        )
        bench.multiply(
            linear.name,
            matrix,
            panel,
            gemm,
            drain,
            params=bind(panel),
            first=max(first - panel.first, 0),
            stop=min(stop - panel.first, panel.columns),
        )


def _last_tiles(bench: Workbench, matrix: Matrix) -> int:
    """First of the columns that are multiplied in blocks of rows; their weights begin at a whole bus word."""
    last, bus_bytes = matrix.panels[-1], bench.config.bus_bytes
    column = max(-(-last.columns // matrix.cut) - SPLIT_TILES, 0) * matrix.cut
    aligned = matrix.cut * bus_bytes // gcd(matrix.cut * matrix.k_tiles * bench.config.rows, bus_bytes)
    return last.first + column - column % aligned


def _codes_of_rows(linear: Linear, then: ToRows) -> Linear:
    """The matrix as one that makes the codes."""
    return replace(linear, bias=then.bias, mul=then.mul, pre_shift=then.pre_shift, shift=then.shift, then=Codes())


def _slot_rows(linear: Linear, slots: Slots) -> Linear:
    """The repeated channels of a matrix as a matrix of their own."""
    return Linear(
        name=f"{linear.name}.slots",
        weight=linear.weight[slots.channel],
        bias=slots.bias,
        mul=slots.mul,
        pre_shift=slots.pre_shift,
        shift=slots.shift,
        then=Codes(),
    )
