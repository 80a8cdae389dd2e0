"""First whole programs on the accelerator: host, memory, and everything between."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from numpy.typing import NDArray

from hw.accelerator import Accelerator
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode, Gemm, Halt, Load, LoadTarget
from spec.program import Program
from spec.registers import COUNTERS, REGISTERS, Control, Status
from tests.conformance.assembler import Assembler, undense
from tests.hw.bus.axi_lite_host import read_register, write_register
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.simulation import Simulation
from tests.long import long_but

_SMALL: dict[str, Any] = {
    "scratchpad_kib": 1,
    "vector_kib": 1,
    "param_words": 16,
    "tables": 1,
    "acc_depth": 16,
    "weight_fifo_words": 32,
    "queue_depth": 4,
    "timeout_cycles": 300,
}
_CONFIGS = {
    f"{config.rows}x{config.cols}": config
    for config in (
        AcceleratorConfig(rows=1, cols=1, bus_bytes=4, **_SMALL),
        AcceleratorConfig(rows=2, cols=2, bus_bytes=8, **_SMALL),
        AcceleratorConfig(rows=3, cols=5, bus_bytes=4, **_SMALL),
        AcceleratorConfig(rows=4, cols=4, bus_bytes=16, **_SMALL),
    )
}
_OFFSET = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}

Matrix = NDArray[np.int64]
HostBench = Callable[["_Host"], Coroutine[Any, Any, None]]


class _Host:
    """What a driver does, on the registers of a simulated accelerator and its memory."""

    def __init__(self, ctx: Any, dut: Accelerator, memory: AxiMemory) -> None:
        self.ctx, self.dut, self.memory = ctx, dut, memory

    async def read(self, name: str) -> int:
        return await read_register(self.ctx, self.dut.s_axil, _OFFSET[name])

    async def write(self, name: str, value: int) -> None:
        await write_register(self.ctx, self.dut.s_axil, _OFFSET[name], value)

    async def counters(self) -> dict[str, int]:
        return {counter.name: await self.read(counter.name) for counter in COUNTERS}

    async def wait(self, cycles: int = 20000) -> int:
        """Return STATUS as soon as the core neither runs nor resets."""
        for _ in range(cycles // 10):
            await self.ctx.tick().repeat(10)
            status = await self.read("STATUS")
            if not status & (Status.BUSY | Status.RESETTING):
                return status
        raise AssertionError("the core hangs")

    async def start(self, program: Program, length: int | None = None) -> None:
        """Put a program into memory and start it."""
        for addr, content in (
            (program.instructions_addr, program.instructions),
            (program.constants_addr, program.constants),
        ):
            self.memory.data[addr : addr + len(content)] = content
        await self.write("PROGRAM_ADDR", program.instructions_addr)
        await self.write("PROGRAM_LENGTH", len(program.instructions) // 32 if length is None else length)
        await self.write("CONTROL", Control.START)

    async def run(self, program: Program, length: int | None = None) -> int:
        """Run a program and return the final STATUS."""
        await self.start(program, length)
        return await self.wait()

    async def reset(self) -> None:
        await self.write("CONTROL", Control.SOFT_RESET)
        assert await self.read("STATUS") == Status.RESETTING
        assert await self.wait() == 0

    async def error(self) -> tuple[int, int, int]:
        return await self.read("ERROR_CODE"), await self.read("ERROR_INDEX"), await self.read("ERROR_ADDR")

    def output(self, program: Program, name: str) -> NDArray[np.int32]:
        region = program.outputs[name]
        return self.memory.data[region.addr : region.addr + region.nbytes].view(np.int32)


@functools.cache
def _accelerator(config: AcceleratorConfig) -> tuple[Accelerator, Simulation]:
    dut = Accelerator(config)
    return dut, Simulation(dut)


def _simulate(config: AcceleratorConfig, bench: HostBench, **memory_options: Any) -> None:
    dut, simulation = _accelerator(config)
    memory = AxiMemory(np.zeros(1 << 19, np.uint8), config.bus_bytes, **memory_options)

    async def host(ctx: Any) -> None:
        await bench(_Host(ctx, dut, memory))

    async def reads(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.m_axi_read)

    async def writes(ctx: Any) -> None:
        await memory.serve_writes(ctx, dut.m_axi_write)

    simulation.run(host, reads, writes)


def _random(rng: np.random.Generator, rows: int, columns: int) -> Matrix:
    matrix = rng.integers(-128, 128, (rows, columns))
    matrix.flat[:2] = (-128, 127)[: matrix.size]
    return matrix


def _product(
    config: AcceleratorConfig, m: int, n: int, k: int, *, seed: int = 1
) -> tuple[Assembler, NDArray[np.int64]]:
    """Return the assembly of ``A . B^T + bias`` to the output ``c``, and the result."""
    rng = np.random.default_rng(seed)
    a, b, bias = _random(rng, m, k), _random(rng, n, k), rng.integers(-(1 << 27), 1 << 27, n)
    assembler = Assembler(config)
    assembler.stream(b)
    k_tiles = assembler.load_operand(0, a)
    assembler.load_params(0, bias=bias)
    assembler.add(Gemm(m=m, n=n, k_tiles=k_tiles, a_addr=0, a_stride=k_tiles, clear=1, release=1))
    assembler.drain_to_memory("c", m, n)
    return assembler, a @ b.T + bias


@pytest.mark.parametrize("stall", long_but([0.3], [0.0, 0.3]))
@pytest.mark.parametrize("name", _CONFIGS)
def test_product_matches_numpy(name: str, stall: float) -> None:
    config = _CONFIGS[name]
    m, n, k = 11, 2 * config.cols + 1, 3 * config.rows - (config.rows > 1)
    assembler, expected = _product(config, m, n, k)
    program = assembler.program()

    async def bench(host: _Host) -> None:
        await host.write("IRQ_ENABLE", 1)
        assert await host.run(program) == Status.DONE
        assert host.ctx.get(host.dut.irq)
        np.testing.assert_array_equal(undense(config, host.output(program, "c"), m, n), expected)

        counters = await host.counters()
        for unit in ("array_", "post_"):
            causes = {name: value for name, value in counters.items() if name.startswith(unit)}
            assert sum(causes.values()) == counters["cycles"], causes
        assert counters["instructions"] == len(program.instructions) // 32
        assert counters["array_busy"] == m * 3 * 3
        assert counters["instruction_bytes"] == -(-len(program.instructions) // config.bus_bytes) * config.bus_bytes
        words = 3 * 3 * config.cols * config.rows
        assert counters["weight_bytes"] == -(-words // config.bus_bytes) * config.bus_bytes
        assert counters["write_bytes"] == program.outputs["c"].nbytes
        assert counters["load_bytes"] > 0

        # Again, without a reset in between.
        host.output(program, "c")[:] = 0
        assert await host.run(program) == Status.DONE
        np.testing.assert_array_equal(undense(config, host.output(program, "c"), m, n), expected)

    _simulate(config, bench, stall=stall, latency=13)


@pytest.mark.parametrize("name", long_but(["3x5"], ["2x2", "3x5"]))
def test_illegal_instructions_stop_after_earlier_ones(name: str) -> None:
    config = _CONFIGS[name]
    bad = {
        "opcode": (bytes(32), (ErrorCode.ILLEGAL_OPCODE, 0)),
        "field": (Load(count=0), (ErrorCode.ILLEGAL_FIELD, 0)),
        "range": (
            Load(addr=config.scratchpad_words - 1, count=2),
            (ErrorCode.OUT_OF_RANGE, config.scratchpad_words - 1),
        ),
    }

    async def bench(host: _Host) -> None:
        await host.write("IRQ_ENABLE", 1)
        for instruction, (code, addr) in bad.values():
            assembler, expected = _product(config, 3, config.cols, config.rows)
            index = len(assembler.instructions)
            assembler.add(instruction, Load(count=1, target=LoadTarget.VECTOR))
            program = assembler.program()
            host.output(program, "c")[:] = 0
            assert await host.run(program) == Status.ERROR
            assert host.ctx.get(host.dut.irq)
            assert await host.error() == (code, index, addr)
            np.testing.assert_array_equal(undense(config, host.output(program, "c"), 3, config.cols), expected)

            await host.write("CONTROL", Control.START)
            assert await host.read("STATUS") == Status.ERROR | Status.REFUSED
            await host.reset()
            assert not host.ctx.get(host.dut.irq)
            assert await host.error() == (0, 0, 0)

    _simulate(config, bench)


def test_missing_halt_is_an_error_and_what_follows_halt_is_not() -> None:
    config = _CONFIGS["2x2"]

    async def bench(host: _Host) -> None:
        assembler, _ = _product(config, 3, 2, 2)
        program = assembler.program()
        length = len(program.instructions) // 32
        assert await host.run(program, length - 1) == Status.ERROR
        assert await host.error() == (ErrorCode.NO_HALT, length - 1, 0)
        await host.reset()
        assert await host.run(program, 0) == Status.ERROR
        assert await host.error() == (ErrorCode.NO_HALT, 0, 0)
        await host.reset()
        assembler.add(Halt(), *[bytes(32)] * 100)
        assert await host.run(assembler.program()) == Status.DONE
        assert await host.run(program) == Status.DONE

    _simulate(config, bench)


@pytest.mark.parametrize("kind", ["read", "weights", "program", "write"])
def test_bus_errors_name_the_instruction_and_recover(kind: str) -> None:
    config = _CONFIGS["4x4"]
    m, n, k = 13, 7, 4
    assembler, expected = _product(config, m, n, k)
    program = assembler.program()
    instructions = assembler.instructions
    load = next(i for i, instruction in enumerate(instructions) if isinstance(instruction, Load))
    drain_addr = program.outputs["c"].addr
    code, index, addr = {
        "weights": (ErrorCode.BUS_READ, 0, program.constants_addr),
        "read": (ErrorCode.BUS_READ, load, getattr(instructions[load], "mem_addr")),  # noqa: B009
        "program": (ErrorCode.BUS_READ, 0, program.instructions_addr),
        "write": (ErrorCode.BUS_WRITE, len(instructions) - 1, drain_addr + 256),
    }[kind]

    async def bench(host: _Host) -> None:
        faults = host.memory.bad_writes if kind == "write" else host.memory.bad_reads
        faults.add(addr)
        assert await host.run(program) == Status.ERROR
        assert await host.error() == (code, index, addr)
        before = len(host.memory.reads), len(host.memory.writes)
        await host.ctx.tick().repeat(100)
        assert len(host.memory.reads) - before[0] <= 1
        assert len(host.memory.writes) - before[1] <= 1
        faults.clear()
        await host.reset()
        assert await host.run(program) == Status.DONE
        np.testing.assert_array_equal(undense(config, host.output(program, "c"), m, n), expected)

    _simulate(config, bench, stall=0.1)


def test_a_dead_bus_times_out_and_recovers() -> None:
    config = _CONFIGS["2x2"]
    m, n, k = 7, 5, 4
    assembler, expected = _product(config, m, n, k)
    program = assembler.program()

    async def bench(host: _Host) -> None:
        for after in (1, 60, 120):
            await host.start(program)
            await host.ctx.tick().repeat(after)
            host.memory.dead = True
            assert await host.wait() == Status.ERROR
            code, _, addr = await host.error()
            assert code == ErrorCode.BUS_TIMEOUT
            assert addr % config.bus_bytes == 0
            host.memory.dead = False
            await host.reset()
        assert await host.run(program) == Status.DONE
        np.testing.assert_array_equal(undense(config, host.output(program, "c"), m, n), expected)

    _simulate(config, bench)


def test_soft_reset_amid_a_program() -> None:
    config = _CONFIGS["2x2"]
    m, n, k = 7, 5, 4
    assembler, expected = _product(config, m, n, k)
    program = assembler.program()

    async def bench(host: _Host) -> None:
        for cycles in (1, 20, 50, 90, 140, 200):
            await host.start(program)
            await host.ctx.tick().repeat(cycles)
            await host.reset()
        assert await host.run(program) == Status.DONE
        np.testing.assert_array_equal(undense(config, host.output(program, "c"), m, n), expected)

    _simulate(config, bench, stall=0.2)


def test_ports_are_flat_and_named_as_in_axi() -> None:
    dut = Accelerator(_CONFIGS["1x1"])
    text = rtlil.convert(dut, ports=dut.ports)
    for name in ("clk", "rst", "irq", "s_axil_awaddr", "m_axi_araddr", "m_axi_wstrb", "m_axi_bready", "s_axil_rdata"):
        assert f" \\{name}\n" in text
