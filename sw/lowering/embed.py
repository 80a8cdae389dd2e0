"""The rows that the host brings."""

from math import gcd

from spec.isa import Load, LoadTarget
from sw.lowering.blocks import Rows
from sw.lowering.norm import NormConstants, lower_norm, moments_later
from sw.lowering.steps import Step
from sw.lowering.workbench import Workbench
from sw.network.embed import Embed
from sw.network.norm import Norm

__all__ = ["lower_embed"]

EMBEDDING_BLOCKS = 4
"""Parts of the input, so that loading one overlaps the norm of another."""


def lower_embed(bench: Workbench, embed: Embed, norm: Norm, constants: NormConstants) -> None:
    """Load the rows block by block and leave their norm for later."""
    plan, config = bench.plan, bench.config
    region = bench.inputs["rows"]
    row_bytes = plan.rows.stride * config.lanes * 2
    aligned = config.bus_bytes // gcd(row_bytes, config.bus_bytes)
    wanted = min(-(-plan.length // EMBEDDING_BLOCKS), config.acc_depth)
    bind = bench.bind()
    for block in plan.blocks(plan.length, wanted + -wanted % aligned):
        load = Load(
            target=LoadTarget.VECTOR,
            addr=plan.rows.row(block.first),
            count=block.count * plan.rows.stride,
            mem_addr=region.addr + block.first * row_bytes,
        )
        bench.builder.emit(Step(load, f"{embed.name}.load vector"))
        for part in plan.blocks(block.count, config.acc_depth):
            rows = Rows(block.first + part.first, part.count)
            moments_later(bench, norm, rows)
            lower_norm(bench, norm, constants, bind, rows)
