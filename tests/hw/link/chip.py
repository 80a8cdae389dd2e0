"""The chip's side of the buses: memory and registers that answer after a random time."""

import random
from typing import Any

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR
from tests.hw.link.fpga_model import BAD_REGISTER, MEMORY_BYTES
from tests.hw.link.streams import wait_for


class Chip:
    """Serve the buses of ``dut``; ``writes`` lists kind and address of every write."""

    def __init__(self, dut: Any, bus_bytes: int, rng: random.Random, stall: float = 0.3) -> None:
        self.dut, self.bus_bytes, self.rng, self.stall = dut, bus_bytes, rng, stall
        self.memory = bytearray(MEMORY_BYTES)
        self.registers: dict[int, int] = {}
        self.writes: list[tuple[str, int]] = []

    async def serve(self, ctx: Any) -> None:
        axil, read, write = self.dut.axil, self.dut.axi_read, self.dut.axi_write
        while True:
            # An address is never offered on two buses at once.
            await wait_for(ctx, axil.arvalid | axil.awvalid | read.arvalid | write.awvalid)
            if ctx.get(axil.arvalid):
                await self._read(ctx, axil)
            elif ctx.get(axil.awvalid):
                await self._write(ctx, axil)
            elif ctx.get(read.arvalid):
                await self._read(ctx, read)
            else:
                await self._write(ctx, write)

    async def _pause(self, ctx: Any) -> None:
        while self.rng.random() < self.stall:
            await ctx.tick()

    async def _accept(self, ctx: Any, ready: Any) -> None:
        await self._pause(ctx)
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)

    async def _read(self, ctx: Any, bus: Any) -> None:
        address = ctx.get(bus.araddr)
        await self._accept(ctx, bus.arready)
        assert not ctx.get(bus.arvalid)
        if bus is self.dut.axil:
            bad, value = address == BAD_REGISTER, self.registers.get(address, 0)
        else:
            assert (ctx.get(bus.arlen), 1 << ctx.get(bus.arsize), ctx.get(bus.arburst)) == (0, self.bus_bytes, 1)
            bad = address >= MEMORY_BYTES
            value = int.from_bytes(self.memory[address : address + self.bus_bytes], "little")
        await self._pause(ctx)
        ctx.set(bus.rdata, value)
        ctx.set(bus.rresp, RESPONSE_SLVERR if bad else RESPONSE_OKAY)
        ctx.set(bus.rvalid, 1)
        await wait_for(ctx, bus.rready)
        ctx.set(bus.rvalid, 0)

    async def _write(self, ctx: Any, bus: Any) -> None:
        address = ctx.get(bus.awaddr)
        assert ctx.get(bus.wvalid), "data are not held back for the address"
        channels = [(bus.awready, bus.awvalid), (bus.wready, bus.wvalid)]
        self.rng.shuffle(channels)
        value = ctx.get(bus.wdata)
        assert ctx.get(bus.wstrb) + 1 == 1 << len(bus.wstrb)
        for ready, valid in channels:
            await self._accept(ctx, ready)
            assert not ctx.get(valid)
        if bus is self.dut.axil:
            bad = address == BAD_REGISTER
            if not bad:
                self.registers[address] = value
        else:
            assert (ctx.get(bus.awlen), 1 << ctx.get(bus.awsize), ctx.get(bus.awburst)) == (0, self.bus_bytes, 1)
            bad = address >= MEMORY_BYTES
            if not bad:
                self.memory[address : address + self.bus_bytes] = value.to_bytes(self.bus_bytes, "little")
        self.writes.append(("register" if bus is self.dut.axil else "memory", address))
        await self._pause(ctx)
        ctx.set(bus.bresp, RESPONSE_SLVERR if bad else RESPONSE_OKAY)
        ctx.set(bus.bvalid, 1)
        await wait_for(ctx, bus.bready)
        ctx.set(bus.bvalid, 0)
