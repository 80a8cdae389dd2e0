"""A host on the register bus, for Amaranth testbenches."""

from typing import Any

from hw.bus.axi import RESPONSE_OKAY

__all__ = ["read_register", "write_register"]


async def write_register(ctx: Any, axil: Any, offset: int, value: int, strobes: int = 0b1111) -> None:
    """Write a 32-bit word; address and data are offered together."""
    ctx.set(axil.awaddr, offset)
    ctx.set(axil.wdata, value)
    ctx.set(axil.wstrb, strobes)
    ctx.set(axil.awvalid, 1)
    ctx.set(axil.wvalid, 1)
    await ctx.tick().until(axil.awready & axil.wready)
    ctx.set(axil.awvalid, 0)
    ctx.set(axil.wvalid, 0)
    ctx.set(axil.bready, 1)
    (response,) = await ctx.tick().sample(axil.bresp).until(axil.bvalid)
    ctx.set(axil.bready, 0)
    assert response == RESPONSE_OKAY


async def read_register(ctx: Any, axil: Any, offset: int) -> int:
    """Read a 32-bit word."""
    ctx.set(axil.araddr, offset)
    ctx.set(axil.arvalid, 1)
    await ctx.tick().until(axil.arready)
    ctx.set(axil.arvalid, 0)
    ctx.set(axil.rready, 1)
    value, response = await ctx.tick().sample(axil.rdata, axil.rresp).until(axil.rvalid)
    ctx.set(axil.rready, 0)
    assert response == RESPONSE_OKAY
    return int(value)
