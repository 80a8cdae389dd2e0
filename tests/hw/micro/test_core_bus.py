"""The micro core keeps AXI's promises when it is reset while the bus owes it something."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.micro.core import MicroCore
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, ErrorCode, Gemm, Halt, Load, LoadTarget
from spec.registers import REGISTERS, Control, Status
from tests.hw.bus.axi_lite_host import read_register, write_register
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.axi_monitor import AxiMonitor

_CONFIG = AcceleratorConfig(
    rows=4,
    cols=1,
    lanes=1,
    core="micro",
    bus_bytes=4,
    scratchpad_kib=1,
    scratchpad_banks=1,
    vector_kib=1,
    param_words=4,
    tables=1,
    queue_depth=2,
    acc_depth=8,
    acc_banks=2,
    weight_fifo_words=4,
    timeout_cycles=256,
)
_OFFSET = {register.name: register.offset for register in REGISTERS}
_OPERANDS, _RESULT, _CODE = 0x0F00, 0x0F80, 0x0FF0
_PAUSE, _MOST_PAUSES = 50, 400

_PROGRAM = (
    Load(target=LoadTarget.SCRATCHPAD, count=2, mem_addr=_OPERANDS),
    Gemm(m=1, n=1, k_tiles=1, b_scratchpad=1, b_addr=1, clear=1, release=1),
    Drain(m=1, n=1, dest=Destination.MEMORY, dest_addr=_RESULT),
    Halt(),
)


class _Bench:
    """The core, its host and its memory, which holds the program of one product."""

    def __init__(self) -> None:
        self.dut = MicroCore(_CONFIG)
        self.memory = AxiMemory(np.zeros(1 << 13, np.uint8), _CONFIG.bus_bytes)
        code = b"".join(instruction.encode() for instruction in _PROGRAM)
        self.memory.data[_CODE : _CODE + len(code)] = np.frombuffer(code, np.uint8)
        self.ctx: Any = None

    async def write(self, **registers: int) -> None:
        for name, value in registers.items():
            await write_register(self.ctx, self.dut.s_axil, _OFFSET[name], int(value))

    async def read(self, name: str) -> int:
        return await read_register(self.ctx, self.dut.s_axil, _OFFSET[name])

    async def start(self, operands: list[int]) -> None:
        self.memory.data[_OPERANDS : _OPERANDS + 8] = np.array(operands, np.int8).view(np.uint8)
        self.memory.data[_RESULT : _RESULT + 4] = 0
        await self.write(PROGRAM_ADDR=_CODE, PROGRAM_LENGTH=len(_PROGRAM), CONTROL=Control.START)

    async def leave(self, status: Status) -> tuple[int, int]:
        """Wait until the core is in this state no more; return which it is in, and about how many cycles it took."""
        for pauses in range(_MOST_PAUSES):
            now = await self.read("STATUS")
            if not now & status:
                return now, pauses * _PAUSE
            await self.ctx.tick().repeat(_PAUSE)
        raise AssertionError(f"it stays {status!r}")

    def offers(self) -> list[str]:
        """Return the channels on which something is offered."""
        read, write = self.dut.m_axi_read, self.dut.m_axi_write
        valid = {"ar": read.arvalid, "aw": write.awvalid, "w": write.wvalid}
        return [channel for channel, signal in valid.items() if self.ctx.get(signal)]


def _simulate(bench: _Bench, steps: Callable[[_Bench], Any]) -> None:
    dut, memory = bench.dut, bench.memory

    async def run(ctx: Any) -> None:
        bench.ctx = ctx
        await steps(bench)

    async def serve_reads(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.m_axi_read)

    async def serve_writes(ctx: Any) -> None:
        await memory.serve_writes(ctx, dut.m_axi_write)

    async def watch_reads(ctx: Any) -> None:
        await AxiMonitor().watch(ctx, dut.m_axi_read, "ar")

    async def watch_writes(ctx: Any) -> None:
        await AxiMonitor().watch(ctx, dut.m_axi_write, "aw", "w")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    for background in (serve_reads, serve_writes, watch_reads, watch_writes):
        simulator.add_testbench(background, background=True)
    simulator.run()


@pytest.mark.long
@pytest.mark.parametrize("when", ["read", "write"])
def test_a_soft_reset_waits_for_the_bus(when: str) -> None:
    """Whatever is offered stays; START is refused meanwhile, and the next program is not disturbed.

    A read is offered when the reset comes, or a write, and the core has lost its patience.
    """

    async def steps(bench: _Bench) -> None:
        memory = bench.memory
        _, whole_reset = await bench.leave(Status.RESETTING)
        memory.dead = when == "read"
        await bench.start([1, 2, 3, 4, 5, 6, 7, -8])
        while ("ar" if when == "read" else "aw") not in bench.offers():
            await bench.ctx.tick()
        if when == "write":
            memory.dead = True
            assert (await bench.leave(Status.BUSY))[0] == Status.ERROR
            assert await bench.read("ERROR_CODE") == ErrorCode.BUS_TIMEOUT
            assert await bench.read("ERROR_ADDR") == _RESULT
        await bench.write(CONTROL=Control.SOFT_RESET)
        await bench.ctx.tick().repeat(2 * _CONFIG.timeout_cycles)
        assert bench.offers() == (["ar"] if when == "read" else ["aw", "w"])
        await bench.write(CONTROL=Control.START)
        assert await bench.read("STATUS") == Status.RESETTING | Status.REFUSED
        memory.dead = False
        status, reset = await bench.leave(Status.RESETTING)
        assert status == Status.REFUSED
        assert abs(reset - whole_reset) < _CONFIG.timeout_cycles
        await bench.start([1, 1, 1, 1, 10, 20, 30, -40])
        assert (await bench.leave(Status.BUSY))[0] == Status.DONE
        assert memory.data[_RESULT : _RESULT + 4].view("<i4")[0] == 20

    _simulate(_Bench(), steps)
