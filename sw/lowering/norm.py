"""LayerNorm: moments, sweeps over the rows, sweeps that fill the slots."""

from dataclasses import dataclass

from spec.codes import CODE
from spec.isa import LoadTarget, Sweep, SweepKind
from spec.param_record import pack_records
from sw.lowering.blocks import Buffer, Rows
from sw.lowering.constants import Constants, Panel, Pieces
from sw.lowering.steps import Binding
from sw.lowering.workbench import Bind, Workbench
from sw.network.norm import Norm

__all__ = ["NormConstants", "lower_norm", "moments_later", "place_norm"]


@dataclass(frozen=True, kw_only=True)
class NormConstants:
    """Parameters of a norm's sweep, and of the sweeps that fill its slots."""

    panels: tuple[Panel, ...]
    slots: tuple[Panel, ...]


def place_norm(constants: Constants, norm: Norm, _pieces: Pieces) -> tuple[NormConstants, Pieces]:
    """Put the parameters of a norm into memory; its slots stand close behind its channels."""
    made = NormConstants(
        panels=constants.panels(constants.config.rows, bias=norm.b, mul2=norm.g),
        slots=tuple(
            Panel(
                first=first,
                columns=count,
                params_addr=constants.load(
                    pack_records(bias=norm.slot_b[first : first + count], mul2=norm.slot_g[first : first + count])
                ),
                param_words=count,
            )
            for first, count in constants.split(len(norm.slot_channel), 1, per_word=1)
        ),
    )
    return made, (norm.g.size + norm.slot_channel.size,)


def moments_later(bench: Workbench, norm: Norm, rows: Rows) -> None:
    """Leave the moments of some rows, which no DRAIN has gathered, for the time of the next products."""
    hidden, source = norm.g.size, bench.plan.rows
    bench.schedule.defer(
        f"{norm.name}.moments",
        Sweep(
            kind=SweepKind.MOMENTS,
            m=rows.count,
            n=hidden,
            src_addr=source.row(rows.first),
            src_stride=source.stride,
            stats_addr=bench.statistics(rows),
            row_length=hidden,
        ),
    )


def lower_norm(
    bench: Workbench, norm: Norm, constants: NormConstants, bind: Bind, rows: Rows, codes: Buffer | None = None
) -> None:
    """Leave the norm of some rows for the time of the next products.

    Parameters
    ----------
    bench : Workbench
    norm : Norm
    constants : NormConstants
    bind : Bind
        Parameters; shared by the norm's blocks of rows.
    rows : Rows
    codes : Buffer, optional
        Where its codes go; by default to the plan's.
    """
    plan, hidden, lanes = bench.plan, norm.g.size, bench.config.lanes
    codes = codes or plan.codes
    shared = {
        "m": rows.count,
        "src_stride": plan.rows.stride,
        "dest_stride": codes.stride,
        "second_shift": norm.shift,
        "clip_low": -CODE,
        "clip_high": CODE,
        "stats_addr": bench.statistics(rows),
    }
    source, dest = plan.rows.row(rows.first), codes.row(rows.first)
    for panel in constants.panels:
        sweep = Sweep(
            kind=SweepKind.LAYERNORM,
            n=panel.columns,
            src_addr=source + panel.first // lanes,
            dest_addr=dest + bench.words(panel.first),
            **shared,
        )
        number = bench.schedule.defer(norm.name, sweep, param_addr=bind(panel))
    for panel in constants.slots:
        params = bind(panel, LoadTarget.PARAM_BROADCAST).resident
        for offset in range(panel.columns):
            word, lane = divmod(int(norm.slot_channel[panel.first + offset]), lanes)
            dest_word, dest_byte = divmod(hidden + panel.first + offset, bench.config.rows)
            sweep = Sweep(
                kind=SweepKind.GATHER,
                n=1,
                src_addr=source + word,
                src_lane=lane,
                dest_addr=dest + dest_word,
                dest_byte=dest_byte,
                **shared,
            )
            number = bench.schedule.defer(f"{norm.name}.slots", sweep, param_addr=Binding(params, offset))
    bench.normalise_later(rows, number)
    bench.leave(norm.name, codes)
