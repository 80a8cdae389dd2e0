"""The rows that the host brings."""

from collections.abc import Iterator

from spec.isa import Load, LoadTarget
from sw.lowering.blocks import Buffer, Rows
from sw.lowering.linear import LinearConstants, lower_rows
from sw.lowering.norm import NormConstants, lower_norm, moments_later
from sw.lowering.steps import Step
from sw.lowering.workbench import Workbench
from sw.network.embed import Embed
from sw.network.linear import Linear
from sw.network.norm import Norm

__all__ = ["lower_embed", "lower_projected_embed"]


def lower_embed(bench: Workbench, embed: Embed, norm: Norm, constants: NormConstants) -> None:
    """Load the rows block by block and leave their norm for later."""
    bind = bench.bind()
    for block in _load(bench, embed):
        for part in bench.plan.blocks(block.count, bench.config.acc_depth):
            rows = Rows(block.first + part.first, part.count)
            moments_later(bench, norm, rows)
            lower_norm(bench, norm, constants, bind, rows)


def lower_projected_embed(
    bench: Workbench,
    embed: Embed,
    norm: Norm,
    norm_constants: NormConstants,
    linear: Linear,
    constants: LinearConstants,
) -> None:
    """Load the rows block by block and make others of them, and codes, by a matrix behind the norm.

    The norm's codes stand where a feed-forward network has its middle.
    """
    plan = bench.plan
    for block in _load(bench, embed):
        for part in plan.blocks(block.count, plan.ffn_block):
            rows = Rows(block.first + part.first, part.count)
            codes = Buffer(plan.middle.row(-rows.first), plan.middle.stride)
            bind = bench.bind()
            moments_later(bench, norm, rows)
            lower_norm(bench, norm, norm_constants, bind, rows, codes)
            bench.schedule.flush()
            lower_rows(bench, linear, constants, codes, rows)
    bench.middle_free = bench.builder.position


def _load(bench: Workbench, embed: Embed) -> Iterator[Rows]:
    """Load the rows, and yield the blocks in which that happens."""
    plan, config = bench.plan, bench.config
    region = bench.inputs["rows"]
    row_bytes = plan.rows.stride * config.lanes * 2
    for block in plan.blocks(plan.length, plan.load_block):
        load = Load(
            target=LoadTarget.VECTOR,
            addr=plan.rows.row(block.first),
            count=block.count * plan.rows.stride,
            mem_addr=region.addr + block.first * row_bytes,
        )
        bench.builder.emit(Step(load, f"{embed.name}.load vector"))
        yield block
